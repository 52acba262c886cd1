import type { UserAlias, UserId, UserKey } from '../../domain/identifiers.ts';
import type { Cacheable, CachePort, CacheRead, Caches, Lease } from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { ProvedReads } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { goesBy, type User } from '../../domain/user.ts';
import { inBackground } from '../background.ts';
import type { Freshness, Source } from '../read.ts';
import { pointers } from '../records/pointers.ts';
import { users } from '../records/user.ts';

export type UserBatchNeeds = { readonly reads: ProvedReads; readonly caches: Caches; readonly log: Log };

type Found = { readonly value: User | undefined; readonly source: Source };
/** What to do with a lease once the rows are there. */
type Fill = (rows: Rows) => Promise<boolean>;
type Rows = { readonly by: ReadonlyMap<string, User>; readonly proof: Proof | undefined };

/**
 * Reads users by mixed keys, in their order: one round trip for the pointers, one for the users, one query for what is
 * missing. The leases taken on the way are filled after the answer.
 */
export const findManyUsers = async (
  needs: UserBatchNeeds,
  keys: readonly UserKey[],
  freshness: Exclude<Freshness, 'cached'> = 'bounded',
): Promise<readonly Found[]> => {
  const fills: Fill[] = [];
  const cached =
    freshness === 'bounded' ? await readCached(needs.caches, keys, fills) : keys.map(() => undefined);
  const missing = keys.filter((_, index) => cached[index] === undefined);
  let rows: Rows = { by: new Map(), proof: undefined };
  try {
    if (missing.length > 0) {
      const { value, proof } = await needs.reads.users(missing);
      rows = { by: byEveryKey(value), proof };
    }
  } finally {
    inBackground(needs.log, 'fill-batch', () => Promise.all(fills.map((fill) => fill(rows))));
  }
  const source = freshness === 'bounded' ? 'miss' : 'bypass';
  return keys.map((key, index) => cached[index] ?? { value: rows.by.get(nameOf(key)), source });
};

const readCached = async (
  caches: Caches,
  keys: readonly UserKey[],
  fills: Fill[],
): Promise<readonly (Found | undefined)[]> => {
  const ids = await resolve(caches, keys, fills);
  const known = ids.filter((id) => id !== undefined);
  const port = caches.of(users);
  const reads = await port.readMany(known);
  const found = new Map<UserId, CacheRead<User>>();
  reads.forEach((read, index) => {
    const id = known[index];
    if (id === undefined) return;
    found.set(id, read);
    if (read.state === 'leased') fills.push(filler(port, read.lease, (rows) => rows.by.get(`id ${id}`)));
  });
  return keys.map((key, index) => {
    const id = ids[index];
    const read = id === undefined ? undefined : found.get(id);
    if (read?.state !== 'hit') return undefined;
    // A pointer is a hint: what it led to must go by the alias.
    return key.kind === 'id' || goesBy(read.value, key)
      ? { value: read.value, source: read.source }
      : undefined;
  });
};

/** The id that each key has, or is said to have by a pointer. */
const resolve = async (
  caches: Caches,
  keys: readonly UserKey[],
  fills: Fill[],
): Promise<readonly (UserId | undefined)[]> => {
  const ids = new Map<UserKey, UserId>();
  const follow = async (kind: UserAlias['kind']): Promise<void> => {
    const aliases = keys.filter((key) => key.kind === kind);
    if (aliases.length === 0) return;
    const port = caches.of(pointers[kind]);
    const reads = await port.readMany(aliases.map((alias) => alias.value));
    reads.forEach((read, index) => {
      const alias = aliases[index];
      if (alias === undefined) return;
      if (read.state === 'hit') ids.set(alias, read.value);
      if (read.state === 'leased')
        fills.push(filler(port, read.lease, (rows) => rows.by.get(nameOf(alias))?.id));
    });
  };
  // All in one turn: one round trip.
  await Promise.all([follow('email'), follow('username'), follow('phone')]);
  return keys.map((key) => (key.kind === 'id' ? key.value : ids.get(key)));
};

const filler =
  <V extends Cacheable>(cache: CachePort<V>, lease: Lease, pick: (rows: Rows) => V | undefined): Fill =>
  (rows) =>
    cache.fill(lease, pick(rows), rows.proof);

const nameOf = (key: UserKey): string => `${key.kind} ${key.value}`;

const byEveryKey = (users: readonly User[]): ReadonlyMap<string, User> => {
  const rows = new Map<string, User>();
  for (const user of users) {
    rows.set(`id ${user.id}`, user).set(`email ${user.email}`, user).set(`username ${user.username}`, user);
    if (user.phone !== null) rows.set(`phone ${user.phone}`, user);
  }
  return rows;
};
