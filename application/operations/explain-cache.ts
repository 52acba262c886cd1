import { parseUserId } from '../../domain/identifiers.ts';
import type { Cacheable, Caches, RecordKind } from '../../domain/ports/cache.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import { fail, ok } from '../../domain/result.ts';
import type { ExplainCache, ExplainedEntry } from '../application.ts';
import { lists } from '../records/contact-list.ts';
import { pointers } from '../records/pointers.ts';
import { profiles } from '../records/profile.ts';
import { users } from '../records/user.ts';

export type ExplainCacheNeeds = { readonly users: UserRepository; readonly caches: Caches };

export const explainCache =
  ({ users: repository, caches }: ExplainCacheNeeds): ExplainCache =>
  async (userId) => {
    const id = parseUserId(userId);
    const user = id.ok ? await repository.find({ kind: 'id', value: id.value }) : undefined;
    if (user === undefined) return fail({ code: 'user-not-found' });
    const inspect = async (
      record: ExplainedEntry['record'],
      kind: RecordKind<Cacheable>,
      key: string,
    ): Promise<readonly ExplainedEntry[]> =>
      (await caches.of(kind).inspect(key)).map((state) => ({ record, ...state }));
    const entries = await Promise.all([
      inspect('user', users, user.id),
      inspect('profile', profiles, user.id),
      inspect('email', pointers.email, user.email),
      inspect('username', pointers.username, user.username),
      user.phone === null ? [] : inspect('phone', pointers.phone, user.phone),
      inspect('contact-list', lists, user.id),
    ]);
    return ok(entries.flat());
  };
