import { describe, expect, it } from 'vitest';
import { type MemoryDatabase, memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { ByKind } from '../../../adapters/telemetry/counts.ts';
import {
  type AuditOf,
  ConsistencyAudit,
  type ConsistencyAuditNeeds,
  maxAuditsOfKind,
} from '../../../application/caching/audit.ts';
import type { AuditCounts } from '../../../application/operations/live-state.ts';
import type { Read, Source } from '../../../application/read.ts';
import { pageKey, pages } from '../../../application/records/contact-list.ts';
import { users } from '../../../application/records/user.ts';
import type { ContactPage } from '../../../domain/contact.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import type { CacheHealth } from '../../../domain/ports/cache.ts';
import type { LogFields } from '../../../domain/ports/runtime.ts';
import type { User } from '../../../domain/user.ts';
import { change, store, storeContacts } from '../../contracts/persistence-support.ts';
import { account, contact, contactId, user, userId } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const boundMs = 2_000;
const healthy: CacheHealth = {
  degraded: false,
  backend: 'memory',
  latencyMs: null,
  circuit: 'closed',
  memoryUsedBytes: null,
  entriesInMemory: 0,
  gate: 'open',
  stalenessMs: null,
};

/** One user in a database, and a cache that says what a test lets it say. */
class Scene {
  readonly clock: ManualClock = new ManualClock();
  readonly database: MemoryDatabase = memoryDatabase({ nowMs: () => this.clock.nowMs() });
  readonly lines: [event: string, fields: LogFields][] = [];
  readonly counts: ByKind<AuditCounts> = new ByKind(() => ({ audited: 0, stale: 0 }));
  readonly audit: ConsistencyAudit;
  gate: CacheHealth['gate'] = 'open';
  cached: Read<User> | undefined = { value: user(1), source: 'memory' };
  #users: AuditOf<User> | undefined;
  /** When the cache was read, in milliseconds. */
  readonly readAtMs: number[] = [];
  loads = 0;
  /** What happens right before the cache is read. */
  beforeRead: () => Promise<unknown> = async () => {};

  constructor(needs: Partial<ConsistencyAuditNeeds> = {}) {
    const keep = (event: string, fields: LogFields = {}) => void this.lines.push([event, fields]);
    this.audit = new ConsistencyAudit({
      reads: this.database.reads,
      cache: { health: async () => ({ ...healthy, gate: this.gate }) },
      clock: this.clock,
      timer: this.clock,
      log: { warn: keep, error: keep },
      counts: this.counts,
      chance: () => 0.5,
      share: 1,
      boundMs,
      ...needs,
    });
  }

  static async open(needs: Partial<ConsistencyAuditNeeds> = {}): Promise<Scene> {
    const scene = new Scene(needs);
    await store(scene.database, account(1));
    return scene;
  }

  begin(): void {
    const id = userId(1);
    this.#users ??= this.audit.of(users);
    this.#users.begin({
      key: id,
      load: () => {
        this.loads++;
        return this.database.reads.user({ kind: 'id', value: id });
      },
      read: async () => {
        await this.beforeRead();
        this.readAtMs.push(this.clock.monotonicMs());
        return this.cached;
      },
    });
  }

  /** Long enough for an audit, but for one that finds something. */
  pass(): Promise<void> {
    return this.clock.advance(2 * boundMs + 500);
  }

  /** Whether the record was found stale; `undefined`: it was not judged. */
  async verdict(): Promise<boolean | undefined> {
    this.begin();
    await this.clock.advance(1);
    await this.pass();
    await this.pass();
    const { audited, stale } = this.counts.of('users');
    return audited === 0 ? undefined : stale === 1;
  }

  change(fields: Partial<User>): Promise<unknown> {
    return change(this.database, userId(1), fields);
  }
}

/** What was in the database before a change that comes first. */
const old: Read<User> = { value: user(1), source: 'redis' };

describe('the audit', () => {
  it('finds what the cache says to be right, after more than J', async () => {
    const scene = await Scene.open();
    expect(await scene.verdict()).toBe(false);
    expect(scene.readAtMs).toHaveLength(1);
    expect(scene.readAtMs[0]).toBeGreaterThan(boundMs);
    expect(scene.lines).toEqual([]);
  });

  it('finds an answer that is older than J, and says so without telling whose', async () => {
    const scene = await Scene.open();
    await scene.change({ name: 'new' });
    scene.cached = old;
    expect(await scene.verdict()).toBe(true);
    const [[event, fields] = []] = scene.lines;
    expect(event).toBe('stale-answer');
    expect(fields).toEqual({
      kind: 'users',
      from: 'redis',
      staleForMs: expect.any(Number),
      boundMs,
      servedVersion: 1,
      databaseVersion: 2,
    });
    expect(fields?.['staleForMs']).toBeGreaterThan(boundMs);
    expect(scene.lines).toHaveLength(1);
  });

  it('is not deceived by a version that stayed or went back', async () => {
    for (const version of [1, 0, 7]) {
      const scene = await Scene.open();
      await scene.database.transactions.run(async ({ users }) => {
        const locked = await users.lock(userId(1));
        if (locked !== undefined)
          await users.update({ ...locked, user: { ...locked.user, name: 'raw', version } });
      });
      scene.cached = old;
      expect(await scene.verdict()).toBe(true);
    }
  });

  it('finds an answer about somebody who is not there', async () => {
    const scene = new Scene();
    expect(await scene.verdict()).toBe(true);
    expect(scene.lines[0]?.[1]).toMatchObject({ servedVersion: 1, databaseVersion: null });
  });

  it('takes somebody who is new since it looked', async () => {
    const scene = new Scene();
    scene.beforeRead = () => store(scene.database, account(1));
    expect(await scene.verdict()).toBe(false);
  });

  it('does not judge a record that was changed meanwhile, be it changed back', async () => {
    const scene = await Scene.open();
    // What lies between is right for a while, and both looks see the same.
    scene.cached = { value: user(1, { name: 'for a while' }), source: 'memory' };
    scene.beforeRead = async () => {
      for (const name of ['for a while', user(1).name])
        await scene.database.transactions.run(async ({ users }) => {
          const locked = await users.lock(userId(1));
          if (locked !== undefined) await users.update({ ...locked, user: user(1, { name }) });
        });
    };
    expect(await scene.verdict()).toBeUndefined();
  });

  it('does not judge one that was changed while it looked first', async () => {
    const scene = await Scene.open();
    scene.begin();
    await scene.change({ name: 'changed' });
    await scene.pass();
    expect(scene.counts.of('users')).toEqual({ audited: 0, stale: 0 });
  });

  it('takes what others change for what it is', async () => {
    const scene = await Scene.open();
    await store(scene.database, account(2));
    scene.beforeRead = () => change(scene.database, userId(2), { name: 'changed' });
    expect(await scene.verdict()).toBe(false);
  });

  it.each<Source>(['miss', 'stored', 'bypass'])('takes an answer by %s for no evidence', async (source) => {
    const scene = await Scene.open();
    await scene.change({ name: 'new' });
    scene.cached = { value: user(1), source };
    expect(await scene.verdict()).toBeUndefined();
  });

  it('judges nothing while the process serves without the database, whose bound is another', async () => {
    const scene = await Scene.open();
    await scene.change({ name: 'new' });
    scene.cached = old;
    scene.gate = 'without-database';
    expect(await scene.verdict()).toBeUndefined();
  });

  it('finds what comes from a cache though the gate is closed', async () => {
    const scene = await Scene.open();
    await scene.change({ name: 'new' });
    scene.cached = old;
    scene.gate = 'closed';
    expect(await scene.verdict()).toBe(true);
  });

  it('judges nothing between two histories of the database', async () => {
    const crashed = await Scene.open();
    crashed.cached = { value: user(1, { name: 'of before' }), source: 'memory' };
    crashed.beforeRead = async () => {
      crashed.database.server.crash();
      await crashed.database.log.begin({ boundMs, retentionMs: 60_000 });
    };
    expect(await crashed.verdict()).toBeUndefined();

    const back = await Scene.open();
    const putBack = back.database.server.copy();
    await back.change({ name: 'lost' });
    back.cached = { value: user(1, { name: 'lost, too' }), source: 'memory' };
    back.beforeRead = async () => putBack();
    expect(await back.verdict()).toBeUndefined();

    // It made up for what it lost before anybody looked; whoever reads the log notices within J.
    const overtaken = await Scene.open();
    const { log, server } = overtaken.database;
    const { identity } = await log.begin({ boundMs, retentionMs: 60_000 });
    const takeBack = server.copy();
    overtaken.cached = { value: user(1, { name: 'lost' }), source: 'memory' };
    overtaken.beforeRead = async () => {
      takeBack();
      for (let n = 2; n < 9; n++) await store(overtaken.database, account(n));
    };
    overtaken.begin();
    await overtaken.pass();
    await log.renewEpoch(identity);
    await overtaken.pass();
    expect(overtaken.counts.of('users')).toEqual({ audited: 0, stale: 0 });
  });

  it('judges nothing by what a standby says, which is behind', async () => {
    for (const from of ['row', 'log'] as const) {
      const database = memoryDatabase();
      const { reads } = database;
      const isChanged: typeof reads.isChanged = async (since, heard) => {
        const answer = await reads.isChanged(since, heard);
        return from === 'log' ? { value: answer.value, proof: undefined } : answer;
      };
      const scene = new Scene({ reads: { proof: reads.proof, isChanged } });
      scene.audit.of(users).begin({
        key: userId(1),
        load: async () => ({
          value: user(1, { name: 'of the standby' }),
          proof: from === 'row' ? undefined : await reads.proof(),
        }),
        read: async () => ({ value: user(1), source: 'redis' }),
      });
      await scene.clock.advance(1);
      await scene.pass();
      await scene.pass();
      expect(scene.counts.of('users')).toEqual({ audited: 0, stale: 0 });
    }
  });

  it('waits by the clock that says less, and gives up after a long pause', async () => {
    const scene = await Scene.open();
    scene.begin();
    await scene.clock.advance(1_000);
    // The wall clock is set back: by it the bound has not passed.
    scene.clock.jump(-1_500);
    await scene.clock.advance(2_000);
    expect(scene.readAtMs).toEqual([]);
    await scene.clock.advance(2_000);
    expect(scene.readAtMs).toHaveLength(1);

    scene.begin();
    await scene.clock.advance(1_000);
    scene.clock.jump(3_600_000);
    await scene.pass();
    expect(scene.readAtMs).toHaveLength(1);
    expect(scene.counts.of('users').audited).toBe(1);
  });

  it('judges a page by whether its list was changed', async () => {
    for (const isChanged of [false, true]) {
      const scene = await Scene.open();
      const [ownerId, request] = [userId(1), { skip: 0, limit: 10 }];
      await storeContacts(scene.database, ownerId, [contact(1, ownerId)]);
      const empty: ContactPage = { ownerId, items: [], total: 0, ...request, after: null, next: null };
      scene.audit.of(pages).begin({
        key: pageKey(ownerId, '', request),
        load: () => scene.database.reads.page(ownerId, request),
        read: async () => {
          // Added and removed again: both looks see the same page.
          if (isChanged) await storeContacts(scene.database, ownerId, [contact(2, ownerId)]);
          if (isChanged)
            await scene.database.transactions.run(async ({ users, contacts }) => {
              await users.lock(ownerId);
              await contacts.delete(ownerId, contactId(2));
            });
          return { value: empty, source: 'memory' };
        },
      });
      await scene.clock.advance(1);
      await scene.pass();
      await scene.pass();
      expect(scene.counts.of('pages')).toEqual(
        isChanged ? { audited: 0, stale: 0 } : { audited: 1, stale: 1 },
      );
    }
  });
});

describe('which answers are audited', () => {
  const dueOf = (
    share: number,
    chances: readonly number[],
    sources: readonly Source[],
  ): readonly boolean[] => {
    let drawn = 0;
    const chance = () => chances[drawn++ % chances.length] ?? 0;
    const audit = new Scene({ share, chance }).audit.of(users);
    return sources.map((source) => audit.isDue(source));
  };

  it('is every hit, where that is asked for, and nothing else', () => {
    const sources: readonly Source[] = ['memory', 'redis', 'miss', 'stored', 'bypass'];
    for (const chance of [0, 0.5, 0.999_999])
      expect(dueOf(1, [chance], sources)).toEqual([true, true, false, false, false]);
  });

  it('is drawn for the share, at no fixed distance', () => {
    let random = 7;
    // Marsaglia's xorshift, so that each run draws the same.
    const chance = () => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return (random >>> 0) / 2 ** 32;
    };
    const audit = new Scene({ share: 0.01, chance }).audit.of(users);
    const due: number[] = [];
    for (let hit = 0; hit < 200_000; hit++) if (audit.isDue('memory')) due.push(hit);
    expect(due.length).toBeGreaterThan(1_800);
    expect(due.length).toBeLessThan(2_200);
    const distances = new Set(due.map((hit, index) => hit - (due[index - 1] ?? -1)));
    expect(distances.size).toBeGreaterThan(100);
    expect(Math.min(...distances)).toBe(1);
  });

  it('begins with a number for each kind that is asked for', () => {
    const scene = new Scene();
    scene.audit.of(pages);
    expect([...scene.counts.all]).toEqual([['pages', { audited: 0, stale: 0 }]]);
  });
});

describe('an audit costs', () => {
  it('nobody more than a few at a time', async () => {
    const scene = await Scene.open();
    for (let begun = 0; begun < 50; begun++) scene.begin();
    await scene.clock.advance(1);
    expect(scene.loads).toBe(maxAuditsOfKind);
    await scene.pass();
    expect(scene.counts.of('users').audited).toBe(maxAuditsOfKind);
    scene.begin();
    await scene.clock.advance(1);
    expect(scene.loads).toBe(2 * maxAuditsOfKind + 1);
  });

  it('nobody a line of the log while the database is away, and one where it fails otherwise', async () => {
    const down = async () => {
      throw new DatabaseUnavailable();
    };
    const away = new Scene();
    away.audit.of(users).begin({ key: userId(1), load: down, read: async () => undefined });
    await away.pass();
    expect(away.lines).toEqual([]);
    away.audit.of(users).begin({
      key: userId(1),
      load: () => Promise.reject(new TypeError(`of ${user(1).email}`)),
      read: async () => undefined,
    });
    await away.pass();
    expect(away.lines).toEqual([['audit-failed', { kind: 'users', error: 'TypeError' }]]);
  });

  it('the end of a process nothing: what waits is given up, and no timer is left', async () => {
    const scene = await Scene.open();
    scene.begin();
    await scene.clock.advance(10);
    await scene.audit[Symbol.asyncDispose]();
    expect(scene.clock.pending).toBe(0);
    scene.begin();
    await scene.pass();
    expect([scene.loads, scene.readAtMs]).toEqual([1, []]);
  });
});
