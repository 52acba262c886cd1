import { fail, ok } from '../../domain/result.ts';
import type { GetUser } from '../application.ts';
import type { UserDirectory } from '../directories.ts';

export const getUser =
  (directory: UserDirectory): GetUser =>
  async (key, freshness) => {
    const read = await directory.find(key, freshness);
    return read === undefined ? fail({ code: 'user-not-found' }) : ok(read);
  };
