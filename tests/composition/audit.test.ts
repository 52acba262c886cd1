/** The audit as it is wired: which answers it takes, and what it finds in a cache that keeps old values. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { type MemoryDatabase, memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { type MemoryOf, MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { recordKinds } from '../../application/records/kinds.ts';
import { compose, type Kith } from '../../composition/compose.ts';
import { configFrom } from '../../composition/config.ts';
import type { Environment } from '../../composition/environment.ts';
import type { Cache, Cacheable, RecordKind } from '../../domain/ports/cache.ts';
import type { LogFields } from '../../domain/ports/runtime.ts';
import { samplesOf } from '../adapters/telemetry/samples.ts';
import { change, store, storeContacts } from '../contracts/persistence-support.ts';
import { account, contact, contactId, userId } from '../support/fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { openGate } from '../support/open-gate.ts';
import { believesAll } from '../support/proofs.ts';
import { openNaiveCache } from '../torture/naive-cache.ts';

const minuteMs = 60_000;
const [id, mine] = [userId(1), contactId(1)];

class Scene {
  readonly clock: ManualClock = new ManualClock();
  readonly database: MemoryDatabase = memoryDatabase({ nowMs: () => this.clock.nowMs() });
  readonly lines: [event: string, fields: LogFields][] = [];
  #kith: Kith | undefined;

  /** A process over a database that others change as well, unless it is said otherwise; every hit is audited. */
  static async open(
    environment: Environment = {},
    openCache?: (clock: ManualClock) => Cache | Promise<Cache>,
  ) {
    const scene = new Scene();
    const { clock, database } = scene;
    await store(database, account(1));
    await storeContacts(database, id, [contact(1, id)]);
    const keep = (event: string, fields: LogFields = {}) => void scene.lines.push([event, fields]);
    const log = { info: () => {}, warn: keep, error: keep };
    const config = configFrom({ INSTANCES: 'many', CONSISTENCY_AUDIT: '1', ...environment });
    const cache = openCache === undefined ? {} : { cache: await openCache(clock) };
    const kith = await compose(config, { database, clock, timer: clock, log, ...cache });
    onTestFinished(() => kith.close());
    scene.#kith = kith;
    await clock.advance(1_000);
    return scene;
  }

  get kith(): Kith {
    if (this.#kith === undefined) throw new Error('it was opened');
    return this.#kith;
  }

  /** Everything that users read, twice, so that the second time is a hit. */
  async read(): Promise<void> {
    const { getUser, getProfile, lookUpUsers, getContact, listContacts } = this.kith.useCases;
    for (let times = 0; times < 2; times++) {
      await getUser({ kind: 'id', value: id });
      await getProfile({ id });
      await lookUpUsers({ ids: [id] });
      await getContact(id, mine);
      await listContacts(id, {});
    }
  }

  /** Users read every two seconds, for a minute. */
  async readForAMinute(): Promise<void> {
    for (let sinceMs = 0; sinceMs < minuteMs; sinceMs += 2_000) {
      await this.read();
      await this.clock.advance(2_000);
    }
  }

  /** As at psql: nobody is told. */
  async changeBehind(text: string): Promise<void> {
    await change(this.database, id, { name: text });
    await this.database.transactions.run(async ({ users, contacts }) => {
      await users.lock(id);
      await contacts.update({ ...contact(1, id), firstName: text });
    });
  }

  async counted(name: string): Promise<ReadonlyMap<string, number>> {
    const text = await (await this.kith.http.ops(new Request('http://kith.local/metrics'))).text();
    const samples = samplesOf(text).filter((sample) => sample.name === name);
    return new Map(samples.map(({ labels, value }) => [labels['kind'] ?? '', value]));
  }

  async state(): Promise<unknown> {
    const answer = await this.kith.http.ops(new Request('http://kith.local/state'));
    return Object(await answer.json())['audits'];
  }
}

/** Keeps what the log says is old. */
class DeafMemory extends MemoryTier {
  override open<V extends Cacheable>(kind: RecordKind<V>): MemoryOf<V> {
    const memory = super.open(kind);
    memory.drop = () => {};
    return memory;
  }
}

const deafCache = (clock: ManualClock): Cache => {
  const gate = openGate(clock);
  const maxStalenessMs = Number.POSITIVE_INFINITY;
  const memory = new DeafMemory({ clock, gate, maxEntries: 100, maxStalenessMs });
  return new TieredCache({ kinds: recordKinds(), clock, gate, memory, judge: believesAll });
};

const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);

describe('the audit of a process', () => {
  it('takes answers of every kind that has an age, a list by its pages', async () => {
    const scene = await Scene.open();
    const kinds = recordKinds().filter(({ origin, name }) => origin !== undefined && name !== 'lists');
    const names = kinds.map(({ name }) => name).sort();
    expect([...(await scene.counted('kith_stale_reads_total')).keys()].sort()).toEqual(names);
    await scene.readForAMinute();
    const audited = await scene.counted('kith_audited_reads_total');
    for (const name of names) expect(audited.get(name), name).toBeGreaterThan(0);
  });

  it('finds nothing where the protocol is kept, whoever changes what', async () => {
    const scene = await Scene.open();
    for (let times = 0; times < 5; times++) {
      await scene.read();
      await scene.changeBehind(`${times}`);
      await scene.kith.useCases.changeProfile(id, { occupation: `${times}` });
      await scene.readForAMinute();
    }
    expect(sum(await scene.counted('kith_audited_reads_total'))).toBeGreaterThan(20);
    expect(sum(await scene.counted('kith_stale_reads_total'))).toBe(0);
    expect(await scene.state()).toEqual({ audited: expect.any(Number), stale: 0 });
    expect(scene.lines).toEqual([]);
  });

  it.each<[string, (clock: ManualClock) => Cache | Promise<Cache>]>([
    ['deletes after the commit', () => openNaiveCache(undefined)],
    ['drops nothing and has no gate', (clock) => deafCache(clock)],
  ])('finds out within a minute a cache that %s, in every kind', async (_, openCache) => {
    const scene = await Scene.open({}, openCache);
    await scene.read();
    await scene.changeBehind('new');
    await scene.readForAMinute();
    const stale = await scene.counted('kith_stale_reads_total');
    for (const [kind, count] of stale) expect(count, kind).toBeGreaterThan(0);
    expect(stale.size).toBe(4);
    expect(scene.lines.map(([event]) => event)).toContain('stale-answer');
    // An id is a person's, too.
    expect(JSON.stringify(scene.lines)).not.toMatch(new RegExp(`${id}|${mine}|new|example`));
    expect(await scene.state()).toEqual({ audited: expect.any(Number), stale: sum(stale) });
  });

  it.each<[string, Environment]>([
    ['where it is switched off', { CONSISTENCY_AUDIT: '0' }],
    ['where the process alone makes all changes', { INSTANCES: 'one' }],
  ])('does nothing %s', async (_, environment) => {
    const scene = await Scene.open(environment, deafCache);
    const { pending } = scene.clock;
    await scene.read();
    await scene.changeBehind('new');
    await scene.readForAMinute();
    expect(scene.clock.pending).toBe(pending);
    expect(await scene.counted('kith_audited_reads_total')).toEqual(new Map());
    expect(await scene.state()).toBeNull();
  });
});
