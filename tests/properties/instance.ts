import type { ByKind } from '../../adapters/telemetry/counts.ts';
import { MemoryTier, type MemoryTierOptions } from '../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { longestMs, momentOn } from '../../application/caching/ages.ts';
import { type AuditOf, ConsistencyAudit, unaudited } from '../../application/caching/audit.ts';
import { Belief, type Judge } from '../../application/caching/belief.ts';
import { CachedContactDirectory } from '../../application/caching/contact-directory.ts';
import { Gate, type GateOptions } from '../../application/caching/gate.ts';
import { LogReader } from '../../application/caching/log-reader.ts';
import {
  FencedWrites,
  type FencedWritesNeeds,
  type Load,
  ReadThrough,
  type ReadThroughNeeds,
} from '../../application/caching/protocol.ts';
import {
  type Confirmations,
  type OwnReading,
  Receipts,
  type ReceiptsNeeds,
  type Standing,
} from '../../application/caching/receipts.ts';
import { StatisticsCounter } from '../../application/caching/statistics.ts';
import type { AuditCounts } from '../../application/operations/live-state.ts';
import type { Freshness, Read } from '../../application/read.ts';
import { recordKinds } from '../../application/records/kinds.ts';
import { users as userKind } from '../../application/records/user.ts';
import { changeUser, secureUser } from '../../application/users/user-change.ts';
import type { Writes } from '../../application/writes.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { Cache, CachePort, CheckOutcome } from '../../domain/ports/cache.ts';
import type { ChangeLog, ReceiptBus } from '../../domain/ports/change-log.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Moment } from '../../domain/ports/runtime.ts';
import { ok } from '../../domain/result.ts';
import { applyPatch, revokeTokens, type User } from '../../domain/user.ts';
import { contact, contactId } from '../support/fixtures.ts';
import { openGate } from '../support/open-gate.ts';
import type { ProcessClock } from './clock.ts';
import type { ReadStart } from './history.ts';
import { longKnown } from './receipts.ts';
import type { RedisVariant, SimulatedRedis } from './redis.ts';
import type { Settings } from './settings.ts';
import { watching } from './watching.ts';
import type { World } from './world.ts';

const hourMs = 3_600_000;
const kinds = recordKinds({ user: hourMs, profile: hourMs, contact: hourMs, contactList: hourMs });

/** A wrong protocol: each field replaces one part of the right one. Without fields it is the right one. */
export type Variant = {
  readonly redis?: RedisVariant;
  readonly memory?: new (options: MemoryTierOptions) => MemoryTier;
  readonly reader?: new (cache: CachePort<User>, needs: ReadThroughNeeds) => Reader;
  readonly writes?: (needs: FencedWritesNeeds) => Writes;
  readonly gate?: new (options: GateOptions) => Gate;
  /** Memory does not ask the gate. */
  readonly isMemoryUngated?: boolean;
  readonly belief?: new () => Belief;
  /** Who judges what goes into memory, and what is found in Redis. */
  readonly judge?: (belief: Belief) => { readonly memory: Judge; readonly redis: Judge };
  readonly log?: (log: ChangeLog, world: World) => ChangeLog;
  readonly receipts?: new (needs: ReceiptsNeeds) => Confirmations;
  readonly receiptBus?: (bus: ReceiptBus, reader: OwnReading) => ReceiptBus;
  /** Every hit is audited, as many as there is time for, and what is found is counted here. */
  readonly audits?: ByKind<AuditCounts>;
};

export type Reader = {
  get(key: string, load: Load<User>, freshness?: Freshness): Promise<Read<User> | undefined>;
};

const log = { info: () => {}, warn: () => {}, error: () => {} };

/** One process: the real protocol over a simulated Redis and database. */
export class Instance {
  readonly number: number;
  readonly logReader: LogReader;
  readonly clock: ProcessClock;
  readonly settings: Settings;
  readonly #world: World;
  readonly #database: Database;
  readonly #reader: Reader;
  readonly #writes: Writes;
  readonly #contacts: CachedContactDirectory;
  readonly audit: ConsistencyAudit | undefined;
  readonly #userAudit: AuditOf<User>;
  readonly #silence: Silence;

  constructor(number: number, world: World, redis: SimulatedRedis | undefined, variant: Variant) {
    const { ids } = world;
    const clock = world.clockOf(number);
    this.number = number;
    this.clock = clock;
    this.settings = world.settingsOf(number);
    this.#world = world;
    this.#database = world.databaseOf(number);
    const { boundMs, maxStalenessMs, silentBoundMs } = this.settings;
    this.#silence = new Silence(clock, this.settings);
    const { transactions, reads } = this.#database;
    const changeLog = variant.log?.(this.#database.log, world) ?? this.#database.log;
    const gate = new (variant.gate ?? Gate)({ clock, boundMs, silentBoundMs });
    const belief = watching(new (variant.belief ?? Belief)(), {
      begin: (epoch, snapshot) =>
        world.say({ word: 'begins to hear', instance: clock.number, epoch, snapshot }),
      apply: (snapshot, rows) => world.say({ word: 'applies', instance: clock.number, snapshot, rows }),
      forget: () => world.say({ word: 'forgets what it heard', instance: clock.number }),
    });
    world.say({
      word: 'starts',
      instance: clock.number,
      hasRedis: redis !== undefined,
      boundMs,
      silentBoundMs,
      maxStalenessMs,
    });
    const judges = variant.judge?.(belief) ?? { memory: belief, redis: belief };
    const cache = watching<Cache>(
      new TieredCache({
        clock,
        gate,
        kinds,
        judge: judges.memory,
        memory: new (variant.memory ?? MemoryTier)({
          clock,
          gate: variant.isMemoryUngated === true ? openGate(clock) : gate,
          maxEntries: 100,
          maxStalenessMs,
        }),
        ...(redis && {
          shared: {
            cache: redis.reachedFrom(number, kinds, judges.redis),
            bus: redis.subscribe(number),
          },
        }),
      }),
      {
        checked: (outcome, began) => {
          world.say({ word: 'check ends', instance: clock.number, outcome });
          this.#silence.note(outcome, began);
        },
      },
    );
    const statistics = new StatisticsCounter();
    const needs = { transactions, changeLog, cache, belief, clock, timer: clock, ids, log, statistics };
    const asked: OwnReading = {
      checked: () => this.logReader.checked(),
      onReceipt: (listener) => this.logReader.onReceipt(listener),
    };
    const bus = redis?.receipts.open(number);
    const receiptBus = bus && (variant.receiptBus?.(bus, asked) ?? bus);
    this.logReader = new LogReader({ ...needs, receiptBus, boundMs, retentionMs: hourMs });
    const isOld = ({ identity }: Standing): boolean => !clock.isNew && identity === world.firstIdentity;
    const reader = longKnown(asked, isOld);
    const confirmations = new (variant.receipts ?? Receipts)({ ...needs, receiptBus, reader });
    const writing = { ...needs, confirmations };
    this.#writes = variant.writes?.(writing) ?? new FencedWrites(writing);
    const { audits: counts } = variant;
    this.audit =
      counts && new ConsistencyAudit({ ...needs, reads, counts, chance: () => 0, share: 1, boundMs });
    const audit = this.audit ?? unaudited;
    this.#userAudit = audit.of(userKind);
    this.#contacts = new CachedContactDirectory({ ...needs, reads, caches: cache, audit });
    this.#reader = new (variant.reader ?? ReadThrough<User>)(cache.of(userKind), needs);
  }

  get isWithoutDatabase(): boolean {
    return this.#silence.isServing;
  }

  #startRead(history: World['history']): ReadStart {
    return history.startRead(this.#world.clock.monotonicMs(), this.number, this.isWithoutDatabase);
  }

  /** What is read of a list is its newest contact: they are only added. */
  async readPage(ownerId: UserId): Promise<string> {
    const { listHistory: history, clock } = this.#world;
    const start = this.#startRead(history);
    const read = await this.#contacts.page(ownerId, { skip: 0, limit: 10 });
    if (read === undefined) throw new Error('only what is asked for as cached may be missing');
    const stamp = read.value.items[0]?.id ?? 'nobody';
    history.finishRead(start, stamp, read.source, clock.monotonicMs());
    return stamp;
  }

  async addContact(ownerId: UserId): Promise<void> {
    const { listHistory: history, clock } = this.#world;
    const added = await this.#writes.run<string, never>(async ({ users, contacts }, raiseFences) => {
      await users.lock(ownerId);
      const next = contact(++this.#world.stamps, ownerId);
      await raiseFences([{ kind: 'contact', ownerId, contactId: contactId(this.#world.stamps) }]);
      await contacts.insert(next);
      return ok(next.id);
    }, ownerId);
    if (added.ok) history.landmark('acknowledged', added.value, clock.monotonicMs(), this.number);
  }

  /** The name that was read; nothing where only what is cached was asked for, and nothing was. */
  async read(id: UserId, freshness?: Freshness): Promise<string | undefined> {
    const { history, clock } = this.#world;
    const start = this.#startRead(history);
    const asked = { instance: this.clock.number, number: this.#world.number() };
    this.#world.say({ word: 'reads begin', ...asked, key: `users ${id}` });
    const load = () => this.#database.reads.user({ kind: 'id', value: id });
    const read = await this.#reader.get(id, load, freshness);
    if (read === undefined && freshness === 'cached') return undefined;
    if (read === undefined) throw new Error('the user is always there');
    if (this.#userAudit.isDue(read.source))
      this.#userAudit.begin({ key: id, load, read: () => this.#reader.get(id, load) });
    const stamp = read.value.name ?? '';
    this.#world.say({ word: 'reads end', ...asked, stamp, source: read.source });
    history.finishRead(start, stamp, read.source, clock.monotonicMs());
    return stamp;
  }

  async write(id: UserId, kind: 'ordinary' | 'security'): Promise<void> {
    const { history, clock } = this.#world;
    const name = `n${++this.#world.stamps}`;
    const change = kind === 'security' ? secureUser<never> : changeUser<never>;
    const result = await change(this.#writes, id, {
      decide: (account) => {
        const user = kind === 'security' ? revokeTokens(account.user, clock.nowMs()) : account.user;
        return ok({ ...account, user: applyPatch(user, { name }, clock.nowMs()) });
      },
    });
    if (!result.ok) throw new Error('the user is always there');
    this.#world.say({
      word: 'acknowledges',
      instance: this.clock.number,
      stamp: name,
      isSecurity: kind === 'security',
    });
    const as = kind === 'security' ? 'security-acknowledged' : 'acknowledged';
    history.landmark(as, name, clock.monotonicMs(), this.number);
  }

  /**
   * A change by somebody who knows nothing of the cache, and sets the version back. The transaction did something else
   * before, so that its id is older than the ids of some that end before it.
   */
  rawSql(id: UserId): Promise<void> {
    const name = `raw${++this.#world.stamps}`;
    return this.#world.transactRaw(this.number, async ({ users, xid }) => {
      await xid();
      const account = await users.lock(id);
      if (account === undefined) throw new Error('the user is always there');
      await users.update({ ...account, user: { ...account.user, name, version: 1 } });
    });
  }
}

/** SERVE as it is meant: whether the log has been silent since before the gate had to close. */
class Silence {
  readonly #clock: ProcessClock;
  readonly #settings: Settings;
  #answered: Moment | undefined;
  #isInARow = false;
  #isSilent = false;

  constructor(clock: ProcessClock, settings: Settings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  get isServing(): boolean {
    return this.#isSilent && this.#settings.silentBoundMs > 0;
  }

  note(outcome: CheckOutcome, began: Moment): void {
    const { boundMs, silentBoundMs } = this.#settings;
    if (outcome === 'silent') {
      const ageMs =
        this.#answered === undefined
          ? Number.POSITIVE_INFINITY
          : longestMs(this.#answered, momentOn(this.#clock));
      this.#isSilent = this.#isInARow && ageMs <= (this.#isSilent ? silentBoundMs : boundMs);
      return;
    }
    this.#isSilent = false;
    if (outcome === 'refused') return;
    this.#isInARow = this.#answered !== undefined && longestMs(this.#answered, began) <= boundMs;
    this.#answered = outcome === 'answered' ? began : undefined;
  }
}
