import type { Cacheable, RecordKind } from '../../domain/ports/cache.ts';
import type { Changed } from '../../domain/ports/persistence.ts';
import { contacts } from './contact.ts';
import { lists, pages } from './contact-list.ts';
import { keyOf } from './keys.ts';
import { pointers } from './pointers.ts';
import { profiles } from './profile.ts';
import { type ConfigurableKind, defaultTtlsMs, type TtlsMs } from './ttls.ts';
import { users } from './user.ts';

/** Every kind of record that Kith keeps. There is no other list of them. */
const own: readonly ConfigurableKind<Cacheable>[] = [
  users,
  profiles,
  pointers.email,
  pointers.username,
  pointers.phone,
  contacts,
  lists,
  pages,
];

/** The kinds that a cache is made with, each with its configured TTL. */
export const recordKinds = (ttlsMs: TtlsMs = defaultTtlsMs): readonly RecordKind<Cacheable>[] =>
  own.map((kind) => ({ ...kind, ttlMs: ttlsMs[kind.ttl] }));

/** One cached record. */
export type RecordKey = { readonly kind: RecordKind<Cacheable>; readonly key: string };

/** Every record that a change makes old, but for pages, which hang on their list. */
export const recordsOf = (change: Changed): readonly RecordKey[] =>
  heardOf(change).flatMap((heard) => recordsHeardAs(own, heard));

/** The keys in the log under which a change is heard. */
export const heardOf = (change: Changed): readonly HeardKey[] =>
  change.kind === 'user'
    ? [{ source: 'users', key: change.userId }]
    : [
        { source: 'contacts', key: keyOf(change.ownerId, change.contactId) },
        { source: 'contacts', key: change.ownerId },
      ];

/** A key in the log. */
export type HeardKey = { readonly source: string; readonly key: string };

/** The records of some kinds that a key in the log leads to. */
export const recordsHeardAs = (
  kinds: readonly RecordKind<Cacheable>[],
  { source, key }: HeardKey,
): readonly RecordKey[] =>
  kinds.flatMap((kind) => {
    const record = kind.origin?.source === source ? kind.origin.recordOf(key) : undefined;
    return record === undefined ? [] : [{ kind, key: record }];
  });
