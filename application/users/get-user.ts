import { ok } from '../../domain/result.ts';
import type { GetUser } from '../application.ts';
import type { UserDirectory } from '../directories.ts';
import { notFound } from '../read.ts';

export const getUser =
  (directory: UserDirectory): GetUser =>
  async (key, freshness) => {
    const read = await directory.find(key, freshness);
    return read === undefined ? notFound('user-not-found', freshness) : ok(read);
  };
