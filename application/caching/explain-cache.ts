import { parseUserId } from '../../domain/identifiers.ts';
import type { Caches } from '../../domain/ports/cache.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import { fail, ok } from '../../domain/result.ts';
import type { ExplainCache, ExplainedEntry } from '../application.ts';

export type ExplainCacheNeeds = { readonly users: UserRepository; readonly caches: Caches };

export const explainCache =
  ({ users, caches }: ExplainCacheNeeds): ExplainCache =>
  async (userId) => {
    const id = parseUserId(userId);
    const user = id.ok ? await users.find({ kind: 'id', value: id.value }) : undefined;
    if (user === undefined) return fail({ code: 'user-not-found' });
    const inspect = async (
      record: ExplainedEntry['record'],
      cache: Pick<Caches[keyof Caches], 'inspect'>,
      key: string,
    ): Promise<readonly ExplainedEntry[]> =>
      (await cache.inspect(key)).map((state) => ({ record, ...state }));
    const entries = await Promise.all([
      inspect('user', caches.users, user.id),
      inspect('profile', caches.profiles, user.id),
      inspect('email', caches.emails, user.email),
      inspect('username', caches.usernames, user.username),
      user.phone === null ? [] : inspect('phone', caches.phones, user.phone),
      inspect('contact-list', caches.lists, user.id),
    ]);
    return ok(entries.flat());
  };
