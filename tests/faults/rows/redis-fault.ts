import { setTimeout as sleep } from 'node:timers/promises';
import { lostWrites, type Outcome, p99, refusedOf, slowest, startLoad, wrongsOf } from '../load.ts';
import type { Row, Run } from '../row.ts';
import { type Scene, until, untilDegraded, untilHealthy } from '../scene.ts';
import type { LogLine } from '../server.ts';

export type RedisFault = Pick<Row, 'isForReportOnly'> & {
  readonly fault: string;
  readonly name: string;
  readonly inject: (scene: Scene) => unknown;
  readonly heal: (scene: Scene) => unknown;
  /** While it lasts; a fault that has to be repeated is repeated here. */
  readonly during?: (scene: Scene, ms: number) => Promise<void>;
  /** Whether operators are told. Redis without its data is a Redis in use. */
  readonly degrades?: boolean;
  /** Whether the log says so, too; not where health knows it only from what could not be confirmed. */
  readonly isLogged?: boolean;
  /** From when on the time until Redis is in use counts; by default the end of `heal`. */
  readonly scene?: (run: Run) => Promise<Scene>;
  readonly recoveryMs?: number;
};

const degradedWithinMs = 2000;
const backWithinMs = 1500;

/** Of all events, whatever repeats: nobody reads more. */
const maxLogLines = 40;

/** One deadline for a command of Redis; what a request adds around it on a busy machine. */
const deadlineMs = 100;
const overheadMs = 60;

/** The common part of every fault of Redis: load before, in and after it, and what must hold for all of them. */
export const redisFault = (of: RedisFault): Row => ({
  fault: of.fault,
  name: of.name,
  ...(of.isForReportOnly && { isForReportOnly: true }),
  run: async (run) => {
    const { checks, pace } = run;
    const scene = of.scene === undefined ? await run.scene() : await of.scene(run);
    const { server, people } = scene;
    if ((await untilHealthy(server, 10_000)) === undefined) throw new Error('not healthy before the fault');
    const load = startLoad(server.url, people);
    await sleep(pace(600, 1500));

    const linesBefore = server.lines.length;
    const injectedAtMs = performance.now();
    await of.inject(scene);
    const degradedMs = of.degrades === false ? 0 : await untilDegraded(server, degradedWithinMs * 4);
    const settledAtMs = performance.now();
    const lastsMs = pace(1200, 5000);
    await (of.during?.(scene, lastsMs) ?? sleep(lastsMs));
    const endedAtMs = performance.now();
    await of.heal(scene);
    const healedAtMs = performance.now();
    const healthyMs = await untilHealthy(server, 10_000);
    await until(() => firstHitMs(load.outcomes, endedAtMs) < Number.POSITIVE_INFINITY, 5000);
    await sleep(pace(200, 1000));
    const outcomes = await load.stop();

    checks.none('wrong answers', wrongsOf(outcomes));
    checks.none('refusals', refusedOf(outcomes));
    checks.none('lost writes', await lostWrites(server.url, people));
    if (of.degrades !== false) {
      checks.atMostMs('degraded after', degradedMs ?? Number.POSITIVE_INFINITY, degradedWithinMs);
    }
    judgeTimes(run, outcomes, { injectedAtMs, settledAtMs, endedAtMs });
    checks.atMostMs(
      'first hit after',
      Math.max(0, firstHitMs(outcomes, endedAtMs) - (healedAtMs - endedAtMs)),
      of.recoveryMs ?? backWithinMs,
    );
    checks.holds('healthy again', healthyMs !== undefined);
    checks.none('flaps in less than 1 s', flaps(scene, injectedAtMs));
    judgeLog(run, of, server.lines.slice(linesBefore));
  },
});

type Times = { readonly injectedAtMs: number; readonly settledAtMs: number; readonly endedAtMs: number };

const judgeTimes = (
  { checks }: Run,
  outcomes: readonly Outcome[],
  { injectedAtMs, settledAtMs, endedAtMs }: Times,
): void => {
  const within = (fromMs: number, toMs: number) =>
    outcomes.filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < toMs);
  const all = within(injectedAtMs - 200, endedAtMs);
  const others = Math.max(slowest(all, 'database', 'floor'), overheadMs);
  checks.atMostMs('slowest read', slowest(all, 'cached'), others + deadlineMs, 'others + 100 ms');
  const open = within(settledAtMs, endedAtMs);
  checks.atMostMsOver('p99', p99(open, 'cached'), p99(open, 'database'), 5);
};

/** An operator reads that Redis was out of use, why, and that it is over. */
const judgeLog = ({ checks }: Run, { degrades, isLogged }: RedisFault, lines: readonly LogLine[]): void => {
  checks.atMost('log lines', lines.length, maxLogLines);
  if (degrades === false || isLogged === false) return;
  const began = lines.find(({ event }) => event === 'redis-out-of-use' || event === 'redis-refuses-writes');
  const ended = lines.find(({ event }) => event === 'redis-in-use' || event === 'redis-accepts-writes');
  checks.is('log: its cause', typeof began?.['cause'] === 'string' ? 'told' : began, 'told');
  checks.holds('log: its end', ended !== undefined);
};

/** From the beginning of the cure: Redis may be in use before the one who cured it hears of it. */
const firstHitMs = (outcomes: readonly Outcome[], sinceMs: number): number => {
  const first = outcomes.find(
    ({ startedAtMs, cacheStatus }) => startedAtMs >= sinceMs && /detail=redis|stored/.test(cacheStatus),
  );
  return first === undefined ? Number.POSITIVE_INFINITY : first.startedAtMs + first.ms - sinceMs;
};

/** Openings of the circuit that followed another one in less than a second. */
const flaps = ({ server }: Scene, sinceMs: number): readonly string[] => {
  const sinceWallMs = Date.now() - (performance.now() - sinceMs);
  const openings = server.lines
    .filter(({ event, time }) => event === 'redis-out-of-use' && Date.parse(time) >= sinceWallMs)
    .map(({ time }) => Date.parse(time));
  return openings.slice(1).flatMap((atMs, n) => {
    const afterMs = atMs - (openings[n] ?? 0);
    return afterMs < 1000 ? [`${afterMs} ms`] : [];
  });
};
