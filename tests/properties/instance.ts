import { MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { CachedContactDirectory } from '../../application/caching/contact-directory.ts';
import { JournalReplayer } from '../../application/caching/journal.ts';
import {
  FencedWrites,
  type Load,
  ReadThrough,
  type ReadThroughNeeds,
} from '../../application/caching/protocol.ts';
import { StatisticsCounter } from '../../application/caching/statistics.ts';
import type { Freshness, Read } from '../../application/read.ts';
import { changeUser } from '../../application/users/change-user.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { CachePort, TtlsMs } from '../../domain/ports/cache.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { ok } from '../../domain/result.ts';
import { applyPatch, revokeTokens, type User } from '../../domain/user.ts';
import { contact, contactId } from '../support/fixtures.ts';
import type { RedisVariant, SimulatedRedis } from './redis.ts';
import { journalBoundMs, listVersion, maxStalenessMs, type World } from './world.ts';

const hourMs = 3_600_000;
const ttlsMs: TtlsMs = {
  users: hourMs,
  profiles: hourMs,
  emails: hourMs,
  usernames: hourMs,
  phones: hourMs,
  contacts: hourMs,
  lists: hourMs,
  pages: hourMs,
};

/** A wrong protocol: each field replaces one part of the right one. Without fields it is the right one. */
export type Variant = {
  readonly redis?: RedisVariant;
  readonly memory?: new (clock: World['clock'], maxEntries: number, boundMs: number) => MemoryTier;
  readonly reader?: new (cache: CachePort<User>, needs: ReadThroughNeeds) => Reader;
  readonly writes?: (needs: ConstructorParameters<typeof FencedWrites>[0]) => Pick<FencedWrites, 'run'>;
  /** `open`: Redis is read however long ago the journal was checked. */
  readonly gate?: 'open';
};

export type Reader = {
  get(key: string, load: Load<User>, freshness?: Freshness): Promise<Read<User> | undefined>;
};

const log = { info: () => {}, warn: () => {}, error: () => {} };

/** One process: the real protocol over a simulated Redis and database. */
export class Instance {
  readonly number: number;
  readonly tiered: TieredCache;
  readonly replayer: JournalReplayer;
  readonly #world: World;
  readonly #database: Database;
  readonly #reader: Reader;
  readonly #writes: Pick<FencedWrites, 'run'>;
  readonly #contacts: CachedContactDirectory;

  constructor(number: number, world: World, redis: SimulatedRedis, variant: Variant) {
    const { clock, ids } = world;
    this.number = number;
    this.#world = world;
    this.#database = world.databaseOf(number);
    this.tiered = new TieredCache({
      clock,
      maxStalenessMs,
      journalBoundMs: variant.gate === 'open' ? Number.POSITIVE_INFINITY : journalBoundMs,
      ttlsMs,
      memory: new (variant.memory ?? MemoryTier)(clock, 100, maxStalenessMs),
      shared: { cache: redis.reachedFrom(number), bus: redis.subscribe(number) },
    });
    const cache = this.tiered;
    const { journal, transactions } = this.#database;
    const statistics = new StatisticsCounter();
    const needs = { transactions, journal, cache, clock, timer: clock, ids, log, statistics, journalBoundMs };
    this.#writes = variant.writes?.(needs) ?? new FencedWrites(needs);
    this.replayer = new JournalReplayer({ ...needs, whenDatabaseUnreachable: 'serve' });
    const { contacts } = this.#database;
    this.#contacts = new CachedContactDirectory({ ...needs, contacts, caches: cache.caches });
    this.#reader = new (variant.reader ?? ReadThrough<User>)(cache.caches.users, { clock, timer: clock });
  }

  async readPage(ownerId: UserId): Promise<number> {
    const { listHistory: history, clock } = this.#world;
    const start = history.startRead(clock.monotonicMs(), this.number);
    const read = await this.#contacts.page(ownerId, { skip: 0, limit: 10 });
    const version = listVersion(read.value.total);
    history.finishRead(start, version, read.source, clock.monotonicMs());
    return version;
  }

  async addContact(ownerId: UserId): Promise<void> {
    const { listHistory: history, clock } = this.#world;
    const number = ++this.#world.contacts;
    const version = await this.#writes.run<number, never>(
      'ordinary',
      async ({ users, contacts }, raiseFences) => {
        await users.lock(ownerId);
        await raiseFences([{ kind: 'contact', ownerId, contactId: contactId(number) }]);
        await contacts.insert(contact(number, ownerId));
        return ok(listVersion(await contacts.count(ownerId)));
      },
    );
    if (version.ok) history.landmark('acknowledged', version.value, clock.monotonicMs(), this.number);
  }

  async read(id: UserId): Promise<number> {
    const { history, clock } = this.#world;
    const start = history.startRead(clock.monotonicMs(), this.number);
    const read = await this.#reader.get(id, () => this.#database.users.find({ kind: 'id', value: id }));
    if (read === undefined) throw new Error('the user is always there');
    history.finishRead(start, read.value.version, read.source, clock.monotonicMs());
    return read.value.version;
  }

  async write(id: UserId, kind: 'ordinary' | 'security'): Promise<void> {
    const { history, clock } = this.#world;
    const result = await changeUser<never>(this.#writes as FencedWrites, id, {
      kind,
      decide: (account) => {
        const { user } = account;
        const next =
          kind === 'security'
            ? revokeTokens(user, clock.nowMs())
            : applyPatch(user, { name: 'n' }, clock.nowMs());
        return ok({ ...account, user: next });
      },
    });
    if (!result.ok) throw new Error('the user is always there');
    const as = kind === 'security' ? 'security-acknowledged' : 'acknowledged';
    history.landmark(as, result.value.version, clock.monotonicMs(), this.number);
  }

  /** A change by somebody who knows nothing of the cache. */
  async rawSql(id: UserId): Promise<void> {
    const { history, clock } = this.#world;
    const version = await this.#database.transactions.run(async ({ users }) => {
      const account = await users.lock(id);
      if (account === undefined) throw new Error('the user is always there');
      const user = applyPatch(account.user, { name: 'raw' }, clock.nowMs());
      await users.update({ ...account, user });
      return user.version;
    });
    history.landmark('raw', version, clock.monotonicMs(), this.number);
  }
}
