import type { Statistics } from '../../application/application.ts';
import type { LiveSample, LiveState } from '../../application/operations/live-state.ts';
import type { Timer } from '../../domain/ports/runtime.ts';
import { quantileMs } from './durations.ts';
import { type Sources, takeReadings } from './readings.ts';

const sampleEveryMs = 2000;
/** Ten minutes. */
const maxSamples = 300;

/** How the process is, and how it was in the last ten minutes, for people who look at it. */
export class LiveStates implements AsyncDisposable {
  readonly #sources: Sources;
  readonly #startedAtMs: number;
  readonly #sampling: Disposable;
  #samples: LiveSample[] = [];
  #last: Totals;
  #number = 0;

  constructor(sources: Sources, timer: Pick<Timer, 'every'>) {
    this.#sources = sources;
    this.#startedAtMs = sources.clock.monotonicMs();
    this.#last = totalsOf(sources);
    this.#sampling = timer.every(sampleEveryMs, () => this.sample());
  }

  /** Takes the sample of the time since the last one. */
  async sample(): Promise<void> {
    const readings = await takeReadings(this.#sources);
    const totals = totalsOf(this.#sources);
    const before = this.#last;
    this.#last = totals;
    const durations = totals.durations.map((count, bucket) => count - (before.durations[bucket] ?? 0));
    this.#samples.push({
      number: ++this.#number,
      atMs: this.#sources.clock.nowMs(),
      lengthMs: totals.atMs - before.atMs,
      lookups: {
        memory: totals.lookups.memory - before.lookups.memory,
        redis: totals.lookups.redis - before.lookups.redis,
        database: totals.lookups.database - before.lookups.database,
      },
      requests: totals.requests - before.requests,
      errors: totals.errors - before.errors,
      p50Ms: quantileMs(durations, 0.5),
      p99Ms: quantileMs(durations, 0.99),
      invalidations: totals.invalidations - before.invalidations,
      stalenessMs: readings.cache.stalenessMs,
      logAgeMs: readings.log.ageMs,
      redisLatencyMs: readings.cache.latencyMs,
    });
    if (this.#samples.length > maxSamples) this.#samples = this.#samples.slice(-maxSamples);
  }

  /** Everything, with the samples after a number. */
  async read(afterSample: number): Promise<Omit<LiveState, 'events'>> {
    const { counts, clock } = this.#sources;
    const fences = [...counts.commands.fence.all.values()];
    return {
      ...(await takeReadings(this.#sources)),
      nowMs: clock.nowMs(),
      uptimeMs: Math.round(clock.monotonicMs() - this.#startedAtMs),
      reads: { memory: counts.reads.memory.all, redis: counts.reads.redis.all },
      audits: counts.audits.all,
      fences: {
        confirmed: fences.reduce((sum, { confirmed }) => sum + confirmed, 0),
        unconfirmed: fences.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0),
      },
      answers: [...counts.answers.entries()],
      logIns: [...counts.logIns.entries()],
      limits: [...counts.limits.entries()],
      samples: this.#samples.filter(({ number }) => number > afterSample),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#sampling[Symbol.dispose]();
    return Promise.resolve();
  }
}

type Totals = {
  readonly atMs: number;
  readonly lookups: Statistics['byTier'];
  readonly requests: number;
  readonly errors: number;
  readonly invalidations: number;
  readonly durations: readonly number[];
};

const totalsOf = ({ counts, clock, statistics }: Sources): Totals => {
  const { byTier, invalidations } = statistics.read();
  return {
    atMs: clock.monotonicMs(),
    lookups: byTier,
    requests: counts.answers.total,
    errors: new Map(counts.answers.entries()).get('5xx') ?? 0,
    invalidations,
    durations: [...counts.requests.counts],
  };
};
