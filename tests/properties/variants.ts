/**
 * Protocols that look right and are not: each leaves out, or "simplifies", one part. The properties must refute each.
 */
import { MemoryTier, type ReadStart } from '../../adapters/tiered/memory-tier.ts';
import { recordsOf } from '../../application/caching/keys.ts';
import type { Load } from '../../application/caching/protocol.ts';
import { FencedWrites, ReadThrough } from '../../application/caching/protocol.ts';
import type { Read } from '../../application/read.ts';
import type { Cacheable, CachePort, Hit } from '../../domain/ports/cache.ts';
import type { Invalidation } from '../../domain/ports/persistence.ts';
import type { User } from '../../domain/user.ts';
import type { Reader, Variant } from './instance.ts';
import type { Action, Plan } from './run.ts';
import type { FaultKind } from './world.ts';

type Needs = ConstructorParameters<typeof FencedWrites>[0];
type Run = FencedWrites['run'];

/** What the two Python systems and most peers do: commit, then delete the key. */
const deleteAfterCommit = ({ transactions, cache }: Needs): { run: Run } => ({
  async run(_kind, work) {
    let changed: readonly Invalidation[] = [];
    const result = await transactions.run((transaction) =>
      work(transaction, async (changes) => {
        changed = changes;
        await transaction.confirmFences();
      }),
    );
    for (const change of changed) {
      if (change.kind !== 'user') continue;
      await Promise.all(recordsOf(change).map(({ kind, key }) => cache.caches[kind].replay(key)));
    }
    return result;
  },
});

/** Raises the fence before it waits for the row's lock, so that another writer's release may remove it. */
const fenceBeforeLock = (needs: Needs): { run: Run } => {
  const userId = '01900000-0000-7000-8001-000000000001';
  return {
    async run(_kind, work) {
      const { transactions, cache, ids } = needs;
      const token = ids.token();
      const fences = ['users', 'profiles'] as const;
      await Promise.all(fences.map((kind) => cache.caches[kind].fence(userId, token)));
      const result = await transactions.run((transaction) =>
        work(transaction, () => transaction.confirmFences()),
      );
      await Promise.all(fences.map((kind) => cache.caches[kind].release(userId, token)));
      return result;
    },
  };
};

/** Acknowledges a security write like any other. */
const securityLikeOrdinary = (needs: Needs): { run: Run } => {
  const writes = new FencedWrites(needs);
  return { run: (_kind, work) => writes.run('ordinary', work) };
};

/** Never journals: trusts the fence without a reply. */
const trustUnconfirmed = (needs: Needs): { run: Run } => {
  const writes = new FencedWrites(needs);
  return {
    run: (kind, work) =>
      writes.run(kind, async (transaction, raise) =>
        work(transaction, async (changes) => {
          await raise(changes);
          await transaction.confirmFences();
        }),
      ),
  };
};

/** Joins a flight whatever it has already read. */
class JoinAnyFlight implements Reader {
  readonly #cache: CachePort<User>;
  readonly #flights = new Map<string, Promise<Read<User> | undefined>>();

  constructor(cache: CachePort<User>) {
    this.#cache = cache;
  }

  get(key: string, load: Load<User>): Promise<Read<User> | undefined> {
    const hit = this.#cache.peek(key);
    if (hit !== undefined) return Promise.resolve(hit);
    const flight = this.#flights.get(key) ?? this.#fly(key, load).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #fly(key: string, load: Load<User>): Promise<Read<User> | undefined> {
    const found = await this.#cache.read(key);
    if (found.state === 'hit') return found;
    const value = await load(key);
    if (value === undefined) return undefined;
    const stored = found.state === 'leased' && (await this.#cache.fill(found.lease, value));
    return { value, source: stored ? 'stored' : 'miss' };
  }
}

/** Shares a read of the database that found a fence with those who come while it is under way. */
class ShareUnderWay extends ReadThrough<User> {
  readonly #underWay = new Map<string, Promise<Read<User> | undefined>>();

  override get(key: string, load: Load<User>): Promise<Read<User> | undefined> {
    const shared = this.#underWay.get(key);
    if (shared !== undefined) return shared;
    return super.get(key, async () => {
      const row = load(key);
      this.#underWay.set(
        key,
        row.then((value) => value && { value, source: 'miss' }),
      );
      return row.finally(() => this.#underWay.delete(key));
    });
  }
}

/** Keeps what was read while its key was invalidated. */
class NoMarking extends MemoryTier {
  override put(
    name: string,
    hit: Hit<Cacheable>,
    _start: ReadStart,
    provable: boolean,
    ttlMs: number,
  ): boolean {
    return super.put(name, hit, this.startRead(), provable, ttlMs);
  }
}

/** Counts an entry's age from its arrival, not from the start of its read, and asks the bus for no proof. */
class NoProof extends MemoryTier {
  override put(
    name: string,
    hit: Hit<Cacheable>,
    start: ReadStart,
    _provable: boolean,
    ttlMs: number,
  ): boolean {
    this.listener.proved(Number.MAX_SAFE_INTEGER);
    return super.put(name, hit, start, true, ttlMs);
  }
}

export type PlantedVariant = {
  readonly name: string;
  readonly variant: Variant;
  /** What it takes to refute it: a fault on instance 1, and what the actors do. */
  readonly fault: FaultKind;
  readonly actors: Plan['actors'];
};

const on0 = (...actions: readonly Action[]): Plan['actors'][number] => ({ instance: 0, actions });
const on1 = (...actions: readonly Action[]): Plan['actors'][number] => ({ instance: 1, actions });

const reads: readonly Action[] = ['read', 'read', 'read', 'read'];
const twoWriters = [on0('write', 'write'), on1('write', 'write'), on0(...reads), on1(...reads)];
const readers = [on1(...reads), on1(...reads), on0('read', 'write', 'read'), on0('read', 'write', 'read')];
const overTime = [
  on1('read', 'pause', 'read', 'pause', 'read', 'pause', 'read'),
  on1('read', 'read', 'pause', 'read', 'pause', 'read'),
  on0('pause', 'write', 'pause', 'write', 'pause', 'write'),
];
const soon = [
  on1(...reads, 'pause', ...reads, 'pause', ...reads),
  on1(...reads, 'pause', ...reads, 'pause', ...reads),
  on0('read', 'security', 'pause', 'security', 'pause', 'security'),
];
const pages = [
  on1('page', 'page', 'page', 'page'),
  on1('page', 'page', 'page'),
  on0('page', 'add', 'page', 'add'),
];
const unseen = [on0('read', 'long pause', 'read'), on1('read', 'read', 'raw', 'long pause', 'read')];

export const plantedVariants: readonly PlantedVariant[] = [
  {
    name: 'delete after commit',
    variant: { writes: deleteAfterCommit, redis: { fill: 'blind' } },
    fault: 'none',
    actors: readers,
  },
  {
    name: 'fence before the lock',
    variant: { writes: fenceBeforeLock },
    fault: 'crash-after-commit',
    actors: twoWriters,
  },
  {
    name: 'unconditional release',
    variant: { redis: { release: 'unconditional' } },
    fault: 'crash-after-commit',
    actors: twoWriters,
  },
  {
    name: 'release by compare-and-delete only',
    variant: { redis: { release: 'compare-and-delete' } },
    fault: 'fence-lost',
    actors: readers,
  },
  {
    name: 'list: unconfirmed fence trusted',
    variant: { writes: trustUnconfirmed },
    fault: 'lost-request',
    actors: pages,
  },
  { name: 'fill with NX', variant: { redis: { fill: 'nx' } }, fault: 'none', actors: readers },
  { name: 'blind fill', variant: { redis: { fill: 'blind' } }, fault: 'none', actors: readers },
  { name: 'join any flight', variant: { reader: JoinAnyFlight }, fault: 'none', actors: readers },
  {
    name: 'share a read of the database that is under way',
    variant: { reader: ShareUnderWay },
    fault: 'none',
    actors: readers,
  },
  { name: 'no marking of reads in flight', variant: { memory: NoMarking }, fault: 'none', actors: overTime },
  { name: 'memory without proof', variant: { memory: NoProof }, fault: 'half-open-bus', actors: overTime },
  {
    name: 'pong counted from its answer',
    variant: { redis: { pong: 'from-answer' } },
    fault: 'bus-delay',
    actors: overTime,
  },
  {
    name: 'publish only at release',
    variant: { redis: { publish: 'at-release' } },
    fault: 'crash-after-commit',
    actors: overTime,
  },
  {
    name: 'security write acknowledged at once',
    variant: { writes: securityLikeOrdinary },
    fault: 'bus-delay',
    actors: soon,
  },
  {
    name: 'unconfirmed fence trusted',
    variant: { writes: trustUnconfirmed },
    fault: 'lost-request',
    actors: readers,
  },
  { name: 'no gate', variant: { gate: 'open' }, fault: 'redis-read-only', actors: unseen },
];
