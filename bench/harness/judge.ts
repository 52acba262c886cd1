import { Timeline } from '../../tests/torture/floors.ts';
import type { Fact, History } from '../subjects/stores.ts';

/** What became of a run of several processes. */
export type Judgement = {
  readonly reads: number;
  readonly queriesPer1000Reads: number;
  /** The same for a shared cache that loses nothing, forgets each user at their write, and loads once: the optimum. */
  readonly optimum: number;
  /** Reads answered with a version older than one that had been acknowledged before the read began. */
  readonly stale: number;
  /** Those of them where that was more than the promised bound ago. */
  readonly staleBeyond: number;
  /** For how long, in milliseconds, the newest version had been acknowledged when the stalest read began. */
  readonly stalestMs: number;
  /** How many operations failed, and of what. */
  readonly failures: string;
};

/** Holds what was read against what had been acknowledged, by the timelines of the torture run's checker. */
export const judge = (histories: readonly History[], boundMs: number): Judgement => {
  const timelines = new Map<number, Timeline>();
  for (const [person, version, , endMs] of histories.flatMap(({ writes }) => writes)) {
    const timeline = timelines.get(person) ?? new Timeline();
    timelines.set(person, timeline);
    timeline.add(endMs, version);
  }
  const reads = histories.flatMap((history) => history.reads);
  const older = (graceMs: number): number =>
    reads.filter(
      ([person, version, startMs]) => version < (timelines.get(person)?.before(startMs - graceMs) ?? 0),
    ).length;
  const stalenessMs = ([person, version, startMs]: Fact): number => {
    const timeline = timelines.get(person);
    return timeline === undefined || version >= timeline.before(startMs)
      ? 0
      : startMs - timeline.sinceMs(startMs);
  };
  const loads = histories.reduce((sum, history) => sum + history.loads, 0);
  return {
    reads: reads.length,
    queriesPer1000Reads: (loads / reads.length) * 1000,
    optimum: (optimalLoads(histories) / reads.length) * 1000,
    stale: older(0),
    staleBeyond: older(boundMs),
    stalestMs: reads.reduce((most, read) => Math.max(most, stalenessMs(read)), 0),
    failures: countEach(histories.flatMap(({ failures }) => failures)),
  };
};

const countEach = (reasons: readonly string[]): string =>
  [
    `${reasons.length}`,
    ...[...Map.groupBy(reasons, (reason) => reason)].map(([reason, { length }]) => `${length} x ${reason}`),
  ].join('; ');

/** How many reads of the same operations, in the order of their ends, found nobody's load since the last write. */
const optimalLoads = (histories: readonly History[]): number => {
  const steps = histories.flatMap(({ reads, writes }) => [
    ...reads.map((fact) => ({ fact, isRead: true })),
    ...writes.map((fact) => ({ fact, isRead: false })),
  ]);
  steps.sort((a, b) => a.fact[3] - b.fact[3]);
  const cached = new Set<number>();
  let loads = 0;
  for (const { fact, isRead } of steps) {
    const [person] = fact;
    if (!isRead) cached.delete(person);
    else if (!cached.has(person)) {
      cached.add(person);
      loads++;
    }
  }
  return loads;
};

/** The latency under which so large a share of the facts stayed, in milliseconds. */
export const percentileMs = (facts: readonly Fact[], share: number): number => {
  const latencies = facts.map(([, , startMs, endMs]) => endMs - startMs).sort((a, b) => a - b);
  return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
};
