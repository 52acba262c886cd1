/**
 * Protocols that look right and are not: each leaves out, or "simplifies", one part. The properties must refute each.
 */
import { type MemoryOf, MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { Belief, type Judge } from '../../application/caching/belief.ts';
import { Gate, type GateOptions } from '../../application/caching/gate.ts';
import type { Rows } from '../../application/caching/heard.ts';
import {
  FencedWrites,
  type FencedWritesNeeds,
  type Load,
  ReadThrough,
} from '../../application/caching/protocol.ts';
import { alone } from '../../application/caching/receipts.ts';
import type { Freshness, Read } from '../../application/read.ts';
import { recordsOf } from '../../application/records/kinds.ts';
import { profiles } from '../../application/records/profile.ts';
import { users } from '../../application/records/user.ts';
import type { Writes } from '../../application/writes.ts';
import type { Cacheable, CachePort, Disbelief, RecordKind } from '../../domain/ports/cache.ts';
import type { ChangeLog, Proof } from '../../domain/ports/change-log.ts';
import type { Changed } from '../../domain/ports/persistence.ts';
import type { Moment } from '../../domain/ports/runtime.ts';
import { ok } from '../../domain/result.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { User } from '../../domain/user.ts';
import type { Reader } from './instance.ts';
import { on0, on1, type PlantedVariant } from './planted.ts';
import { answersAtOnce } from './receipts.ts';
import type { Action } from './run.ts';
import type { World } from './world.ts';

/** Security writes are acknowledged like the others. */
const unconfirmed = (run: Writes['run']): Writes => ({
  run,
  async runSecurely(work, locked) {
    const done = await run(work, locked);
    return done.ok
      ? ok({ value: done.value, confirmation: { by: 'alone', afterMs: 0, receipts: [], missing: [] } })
      : done;
  },
});

/** What most peers do: commit, then delete the key. */
const deleteAfterCommit = ({ transactions, cache }: FencedWritesNeeds): Writes =>
  unconfirmed(async (work) => {
    let changed: readonly Changed[] = [];
    const result = await transactions.run((transaction) =>
      work(transaction, async (changes) => {
        changed = changes;
      }),
    );
    const records = changed.flatMap(recordsOf);
    await Promise.all(records.map(({ kind, key }) => cache.of(kind).replay(key)));
    return result;
  });

/** Raises the fence before it waits for the row's lock, so that another writer's release may remove it. */
const fenceBeforeLock = ({ transactions, cache, ids }: FencedWritesNeeds): Writes => {
  const userId = '01900000-0000-7000-8001-000000000001';
  return unconfirmed(async (work) => {
    const token = ids.token();
    const fences = [users, profiles];
    await Promise.all(fences.map((kind) => cache.of(kind).fence(userId, token)));
    const result = await transactions.run((transaction) => work(transaction, async () => {}));
    await Promise.all(fences.map((kind) => cache.of(kind).release(userId, token)));
    return result;
  });
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
    const row = await load(key);
    if (row === undefined) return undefined;
    const { value, proof } = row;
    const stored = found.state === 'leased' && (await this.#cache.fill(found.lease, value, proof));
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
        row.then((proved) => proved && { value: proved.value, source: 'miss' }),
      );
      return row.finally(() => this.#underWay.delete(key));
    });
  }
}

/** Whoever asks past the cache shares an answer that somebody waits for already. */
class ShareBypass extends ReadThrough<User> {
  #asked: Promise<Read<User> | undefined> | undefined;

  override get(key: string, load: Load<User>, freshness?: Freshness): Promise<Read<User> | undefined> {
    if (freshness !== 'authoritative') return super.get(key, load, freshness);
    this.#asked ??= super.get(key, load, freshness).finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }
}

/** Keeps what was read while its key was invalidated. */
class NoMarking extends MemoryTier {
  override open<V extends Cacheable>(kind: RecordKind<V>): MemoryOf<V> {
    const memory = super.open(kind);
    const put = memory.put.bind(memory);
    memory.put = (key, hit, _start, provable, ttlMs) => put(key, hit, this.startRead(), provable, ttlMs);
    return memory;
  }
}

/** Counts an entry's age from its arrival, not from the start of its read, and asks the bus for no proof. */
class NoProof extends MemoryTier {
  override open<V extends Cacheable>(kind: RecordKind<V>): MemoryOf<V> {
    const memory = super.open(kind);
    const put = memory.put.bind(memory);
    memory.put = (key, hit, start, _provable, ttlMs) => {
      this.listener.proved({ monotonicMs: Number.MAX_SAFE_INTEGER, wallMs: Number.MAX_SAFE_INTEGER });
      return put(key, hit, start, true, ttlMs);
    };
    return memory;
  }
}

/** Opens by silence, too. */
class SilenceOpens extends Gate {
  #isSilent = false;

  override silent(): void {
    super.silent();
    this.#isSilent = true;
  }
  override answered(began: Moment): void {
    super.answered(began);
    this.#isSilent = false;
  }
  override isOpen(now?: Moment): boolean {
    return this.#isSilent || super.isOpen(now);
  }
}

class NoGate extends Gate {
  override isOpen(): boolean {
    return true;
  }
}

/** Counts by the monotonic clock alone. */
class MonotonicGate extends Gate {
  constructor({ clock, ...options }: GateOptions) {
    super({ ...options, clock: { monotonicMs: () => clock.monotonicMs(), nowMs: () => 0 } });
  }
}

/** Keeps the greatest transaction of each key. */
class GreatestOnly extends Belief {
  override apply(snapshot: Snapshot, rows: Rows): void {
    super.apply(
      snapshot,
      rows === 'everything' ? rows : new Map([...rows].map(([key, xids]) => [key, [Math.max(...xids)]])),
    );
  }
}

class OwnUnnoted extends Belief {
  override noteOwn(): void {}
}

/** Values do not say of which identity they are. */
class AnyEpoch extends Belief {
  #epoch = '';

  override begin(epoch: string, floor: Snapshot): void {
    this.#epoch = epoch;
    super.begin(epoch, floor);
  }
  override doubt(kind: RecordKind<Cacheable>, key: string, proof: Proof | undefined): Disbelief | undefined {
    return super.doubt(kind, key, proof && { ...proof, epoch: this.#epoch });
  }
}

const believesAll: Judge = { doubt: () => undefined };

/** Only what had no confirmed fence is in the log. */
const unconfirmedOnly = (log: ChangeLog, { fenced }: World): ChangeLog => ({
  ...log,
  check: async (asked) => {
    const answer = await log.check(asked);
    return answer.rows === 'too-many'
      ? answer
      : { ...answer, rows: answer.rows.filter(({ xid }) => !fenced.has(xid)) };
  },
});

const reads: readonly Action[] = ['read', 'read', 'read', 'read'];
const writes: readonly Action[] = ['write', 'write', 'write'];
const twoWriters = [on0(...writes), on1(...writes), on0(...reads, ...reads), on1(...reads, ...reads)];
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
const unheard = [
  on0('read', 'long pause', 'read', 'long pause', 'read'),
  on1('read', 'read', 'raw', 'long pause', 'long pause', 'read'),
];

const behindFences = [
  on1('read', 'read', 'long pause', 'read', 'read'),
  on1('read', 'long pause', 'read', 'pause', 'read'),
  on0('write', 'read', 'long pause', 'read'),
];
const notBehindFences = [
  on1('read', 'raw', 'read', 'long pause', 'read', 'long pause', 'read'),
  on1('read', 'raw', 'read', 'long pause', 'read', 'long pause', 'read'),
  on0('read', 'raw', 'long pause', 'read'),
];
const pastTheCache = [on1('authoritative', 'authoritative'), on1('raw', 'authoritative')];
const own = [on0('read', 'write', 'read', 'write', 'read'), on1('read', 'read', 'read')];
const looks: readonly Action[] = ['read', 'pause', 'read', 'pause', 'read', 'pause', 'read', 'pause', 'read'];
const asleep = [
  on1(...looks),
  on1(...looks),
  on0('pause', 'raw', 'pause', 'raw', 'pause', 'raw', 'pause', 'raw'),
];
const unopened = [
  on1('read', 'long pause', 'read', 'read'),
  on1('raw', 'long pause', 'read', 'read'),
  on1('read', 'raw', 'long pause', 'read'),
];
const slow = [on1(...reads, ...reads), on1(...reads, ...reads), on0('write', 'write', 'write', 'write')];
const longLived = [
  on0('read', 'write', 'write', 'read', 'pause', 'pause', 'pause', 'raw', 'long pause', 'read'),
  on1('read', 'write', 'read', 'pause', 'pause', 'pause', 'raw', 'raw', 'long pause', 'read'),
];
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
    seed: 4,
  },
  {
    name: 'unconditional release',
    variant: { redis: { release: 'unconditional' } },
    fault: 'crash-after-commit',
    actors: twoWriters,
  },
  { name: 'fill with NX', variant: { redis: { fill: 'nx' } }, fault: 'stands-still', actors: slow },
  { name: 'blind fill', variant: { redis: { fill: 'blind' } }, fault: 'stands-still', actors: slow },
  { name: 'join any flight', variant: { reader: JoinAnyFlight }, fault: 'none', actors: readers },
  {
    name: 'share a read of the database that is under way',
    variant: { reader: ShareUnderWay },
    fault: 'none',
    actors: readers,
  },
  {
    name: 'share an answer past the cache that is under way',
    variant: { reader: ShareBypass },
    fault: 'none',
    actors: pastTheCache,
  },
  {
    name: 'no marking of reads in flight',
    variant: { memory: NoMarking },
    fault: 'log-refused',
    actors: overTime,
    seed: 2,
  },
  {
    name: 'what is read meanwhile goes into memory unasked',
    variant: { memory: NoMarking, judge: (belief) => ({ memory: believesAll, redis: belief }) },
    fault: 'none',
    actors: notBehindFences,
  },
  {
    name: 'memory without proof',
    variant: { memory: NoProof },
    fault: 'half-open-bus',
    actors: overTime,
    seed: 3,
  },
  {
    name: 'ping counted from its answer',
    variant: { redis: { pong: 'from-answer' } },
    fault: 'bus-delay',
    actors: overTime,
  },
  {
    name: 'publish only at release',
    variant: { redis: { publish: 'at-release' } },
    fault: 'crash-after-commit',
    actors: overTime,
    seed: 2,
  },
  {
    name: 'security write acknowledged at once',
    variant: { writes: (needs) => new FencedWrites({ ...needs, confirmations: alone }) },
    fault: 'other-redis',
    actors: soon,
  },
  {
    name: 'receipts are given before what they are about is dropped',
    variant: { receiptBus: answersAtOnce },
    fault: 'lost-request',
    actors: soon,
  },
  {
    name: 'the writer’s own transaction is not noted',
    variant: { belief: OwnUnnoted },
    fault: 'lost-request',
    actors: own,
  },
  {
    name: 'a value is believed without its snapshot',
    variant: { judge: (belief) => ({ memory: belief, redis: believesAll }) },
    fault: 'none',
    actors: notBehindFences,
  },
  {
    name: 'a value is believed by its version',
    variant: { redis: { believes: 'by-version' } },
    fault: 'none',
    actors: notBehindFences,
  },
  {
    name: 'the greatest transaction of a key is kept',
    variant: { belief: GreatestOnly },
    fault: 'none',
    actors: notBehindFences,
    seed: 5,
  },
  {
    name: 'only what had no confirmed fence is in the log',
    variant: { log: unconfirmedOnly },
    fault: 'late-commit',
    actors: behindFences,
  },
  {
    name: 'the identity is not in the value; the database goes back',
    variant: { belief: AnyEpoch },
    fault: 'database-goes-back',
    actors: longLived,
  },
  {
    name: 'memory ignores the gate',
    variant: { isMemoryUngated: true },
    fault: 'log-refused',
    actors: unheard,
  },
  { name: 'no gate', variant: { gate: NoGate }, fault: 'log-refused', actors: unheard },
  { name: 'silence opens the gate', variant: { gate: SilenceOpens }, fault: 'log-silent', actors: unopened },
  {
    name: 'the gate counts by the monotonic clock',
    variant: { gate: MonotonicGate },
    fault: 'suspended',
    actors: asleep,
  },
];
