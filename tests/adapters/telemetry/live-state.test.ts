import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { RecentEvents } from '../../../adapters/system/recent-events.ts';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { bucketSeconds, Durations, quantileMs } from '../../../adapters/telemetry/durations.ts';
import { LiveStates } from '../../../adapters/telemetry/live-state.ts';
import { StatisticsCounter } from '../../../application/caching/statistics.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { quickHasher } from '../../support/quick-hasher.ts';
import { silentLog } from '../mikro-orm/support.ts';
import { openComposed } from './world.ts';

const open = () => {
  const clock = new ManualClock();
  const counts = new Counts();
  const statistics = new StatisticsCounter();
  const sources = {
    ...{ counts, statistics, clock, database: memoryDatabase(), hasher: quickHasher },
    cache: new MemoryCache({ clock, ids: systemIds, maxEntries: 100, kinds: recordKinds() }),
    maxStalenessMs: 500,
    journalBoundMs: 2000,
  };
  const states = new LiveStates(sources, clock);
  return { states, counts, statistics, clock, pass: (ms: number) => clock.advance(ms) };
};

describe('the state of the process', () => {
  it('has a sample for each two seconds with what happened in them, and not before', async () => {
    const { states, counts, statistics, pass } = open();
    statistics.lookedUp('memory');
    counts.answers.add('2xx', 3);
    counts.requests.record(4);
    await pass(2000);
    statistics.lookedUp('redis');
    counts.answers.add('5xx');
    await pass(2000);
    await pass(2000);
    const { samples } = await states.read(0);
    expect(samples.map(({ number, lengthMs }) => [number, lengthMs])).toEqual([
      [1, 2000],
      [2, 2000],
      [3, 2000],
    ]);
    expect(samples.map(({ lookups }) => [lookups.memory, lookups.redis])).toEqual([
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
    expect(samples.map(({ requests, errors }) => [requests, errors])).toEqual([
      [3, 0],
      [1, 1],
      [0, 0],
    ]);
    expect(samples[0]?.p99Ms).toBeGreaterThan(2.5);
    expect(samples[1]?.p99Ms).toBeNull();
    expect((await states.read(2)).samples.map(({ number }) => number)).toEqual([3]);
  });

  it('keeps ten minutes and stops with the process', async () => {
    const { states, pass, clock } = open();
    for (let times = 0; times < 310; times++) await pass(2000);
    const { samples } = await states.read(0);
    expect(samples).toHaveLength(300);
    expect(samples[0]?.number).toBe(11);
    await states[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });

  it('comes over HTTP without what was asked for before, and with a query that is checked', async () => {
    const { sendOps, kith } = await openComposed();
    const answer = await sendOps('GET', '/state');
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      cache: { backend: 'memory', uses_redis: false, gate: 'open', staleness_ms: 0, max_staleness_ms: 500 },
      log: { bound_ms: 2000 },
      disbeliefs: { unproved: 0, 'other-epoch': 0, outdated: 0, unchecked: 0 },
      audits: null,
      lookups: kith.useCases.getStatistics().byTier,
      samples: [],
    });
    expect((await sendOps('GET', '/state?after_sample=-1')).status).toBe(422);
    expect((await sendOps('GET', '/state?since=1')).status).toBe(422);
  });
});

describe('durations', () => {
  it('are counted in the bucket that they fit in, and give back a quantile within that bucket', () => {
    for (const seconds of bucketSeconds) {
      const durations = new Durations();
      for (let times = 0; times < 10; times++) durations.record(seconds * 1000);
      const at = bucketSeconds.indexOf(seconds);
      expect(durations.counts[at]).toBe(10);
      expect(quantileMs(durations.counts, 0.99)).toBeGreaterThan((bucketSeconds[at - 1] ?? 0) * 1000);
      expect(quantileMs(durations.counts, 1)).toBeCloseTo(seconds * 1000);
    }
  });

  it('beyond the last bound are counted, and there are none where nothing was counted', () => {
    const durations = new Durations();
    durations.record(60_000);
    expect(durations.counts.at(-1)).toBe(1);
    expect(durations.sumMs).toBe(60_000);
    expect(quantileMs(durations.counts, 0.5)).toBe(10_000);
    expect(quantileMs([0, 0], 0.5)).toBeNull();
  });
});

describe('recent events', () => {
  const record = () => new RecentEvents(silentLog, { nowMs: () => 7 });

  it('are the last hundred, newest last, and only those after a number', () => {
    const events = record();
    for (let n = 1; n <= 150; n++) events.info(`event-${n}`, { n });
    const all = events.since(0);
    expect(all).toHaveLength(100);
    expect(all.at(-1)).toEqual({
      number: 150,
      atMs: 7,
      level: 'info',
      event: 'event-150',
      fields: { n: 150 },
      times: 1,
    });
    expect(events.since(148).map(({ event }) => event)).toEqual(['event-149', 'event-150']);
  });

  it('that repeat take one place, with the last fields and how often', () => {
    const events = record();
    events.warn('lost');
    for (let n = 1; n <= 500; n++) events.error('again', { n });
    events.warn('lost');
    expect(events.since(0).map(({ event, times, fields }) => [event, times, fields])).toEqual([
      ['lost', 1, {}],
      ['again', 500, { n: 500 }],
      ['lost', 1, {}],
    ]);
  });

  it('are cut to size, like lines of the log', () => {
    const events = record();
    events.info('long', { text: 'x'.repeat(5000) });
    expect(String(events.since(0)[0]?.fields['text']).length).toBeLessThan(1100);
  });
});
