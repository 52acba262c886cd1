import type { UserAlias, UserId, UserKey } from '../../domain/identifiers.ts';
import type { Cacheable, CachePort, CacheRead, Caches, Lease } from '../../domain/ports/cache.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { goesBy, type User } from '../../domain/user.ts';
import { inBackground } from '../background.ts';
import type { Freshness, Source } from '../read.ts';
import { pointerKinds } from './keys.ts';

export type UserBatchNeeds = { readonly users: UserRepository; readonly caches: Caches; readonly log: Log };

type Found = { readonly value: User | undefined; readonly source: Source };
/** What to do with a lease once the rows are there. */
type Fill = (rows: Rows) => Promise<boolean>;
type Rows = ReadonlyMap<string, User>;

/**
 * Reads users by mixed keys, in their order: one round trip for the pointers, one for the users, one query for what is
 * missing. The leases taken on the way are filled after the answer.
 */
export const findManyUsers = async (
  needs: UserBatchNeeds,
  keys: readonly UserKey[],
  freshness: Freshness = 'bounded',
): Promise<readonly Found[]> => {
  const fills: Fill[] = [];
  const cached =
    freshness === 'bounded' ? await readCached(needs.caches, keys, fills) : keys.map(() => undefined);
  const missing = keys.filter((_, index) => cached[index] === undefined);
  let rows: Rows = new Map();
  try {
    if (missing.length > 0) rows = byEveryKey(await needs.users.findMany(missing));
  } finally {
    inBackground(needs.log, 'fill-batch', () => Promise.all(fills.map((fill) => fill(rows))));
  }
  const source = freshness === 'bounded' ? 'miss' : 'bypass';
  return keys.map((key, index) => cached[index] ?? { value: rows.get(nameOf(key)), source });
};

const readCached = async (
  caches: Caches,
  keys: readonly UserKey[],
  fills: Fill[],
): Promise<readonly (Found | undefined)[]> => {
  const ids = await resolve(caches, keys, fills);
  const known = ids.filter((id) => id !== undefined);
  const reads = await caches.users.readMany(known);
  const users = new Map<UserId, CacheRead<User>>();
  reads.forEach((read, index) => {
    const id = known[index];
    if (id === undefined) return;
    users.set(id, read);
    if (read.state === 'leased') fills.push(filler(caches.users, read.lease, (rows) => rows.get(`id ${id}`)));
  });
  return keys.map((key, index) => {
    const id = ids[index];
    const read = id === undefined ? undefined : users.get(id);
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
    const pointers = caches[pointerKinds[kind]];
    const reads = await pointers.readMany(aliases.map((alias) => alias.value));
    reads.forEach((read, index) => {
      const alias = aliases[index];
      if (alias === undefined) return;
      if (read.state === 'hit') ids.set(alias, read.value);
      if (read.state === 'leased')
        fills.push(filler(pointers, read.lease, (rows) => rows.get(nameOf(alias))?.id));
    });
  };
  // All in one turn: one round trip.
  await Promise.all([follow('email'), follow('username'), follow('phone')]);
  return keys.map((key) => (key.kind === 'id' ? key.value : ids.get(key)));
};

const filler =
  <V extends Cacheable>(cache: CachePort<V>, lease: Lease, pick: (rows: Rows) => V | undefined): Fill =>
  (rows) =>
    cache.fill(lease, pick(rows));

const nameOf = (key: UserKey): string => `${key.kind} ${key.value}`;

const byEveryKey = (users: readonly User[]): Rows => {
  const rows = new Map<string, User>();
  for (const user of users) {
    rows.set(`id ${user.id}`, user).set(`email ${user.email}`, user).set(`username ${user.username}`, user);
    if (user.phone !== null) rows.set(`phone ${user.phone}`, user);
  }
  return rows;
};
