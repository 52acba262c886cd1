import { parseUserId, parseUsernameKey } from '../../domain/identifiers.ts';
import { ok } from '../../domain/result.ts';
import type { GetProfile } from '../application.ts';
import type { UserDirectory } from '../directories.ts';
import { notFound } from '../read.ts';

export const getProfile =
  (directory: UserDirectory): GetProfile =>
  async (key, freshness) => {
    const id = 'id' in key ? parseUserId(key.id) : undefined;
    const username = 'username' in key ? parseUsernameKey(key.username) : undefined;
    const read = id?.ok
      ? await directory.findProfile({ kind: 'id', value: id.value }, freshness)
      : username?.ok
        ? await directory.findProfile({ kind: 'username', value: username.value }, freshness)
        : undefined;
    return read === undefined ? notFound('user-not-found', freshness) : ok(read);
  };
