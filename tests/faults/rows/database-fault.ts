import { setTimeout as sleep } from 'node:timers/promises';
import { ask, fieldOf } from '../client.ts';
import { lostWrites, type Outcome, p99, slowest, startLoad, wrongsOf } from '../load.ts';
import type { Row, Run } from '../row.ts';
import { readiness, type Scene, until, untilHealthy } from '../scene.ts';
import type { LogLine } from '../server.ts';

export type DatabaseFault = {
  readonly name: string;
  readonly inject: (scene: Scene) => unknown;
  readonly heal: (scene: Scene) => unknown;
  readonly during?: (scene: Scene, ms: number) => Promise<void>;
  /** What goes on in it; a database that is away does nothing. */
  readonly serves?: 'reads' | 'nothing';
  /** Whether the circuit opens, so that nobody waits any more. */
  readonly opens?: boolean;
  readonly scene?: (run: Run) => Promise<Scene>;
};

export const databaseFaults =
  'PostgreSQL down at start, dies, restarts, hangs, pool exhausted, too many connections, backend killed in a transaction, deadlock, lock wait, read-only, disk full, schema behind';

const answeredWithinMs = 2000;
/** Of all events, whatever repeats: nobody reads more. */
const maxLogLines = 40;
/** With an open circuit. */
const quicklyMs = 100;

/** The common part of every fault of PostgreSQL: load before, in and after it, and what must hold for all of them. */
export const databaseFault = (of: DatabaseFault): Row => ({
  fault: databaseFaults,
  name: of.name,
  run: async (run) => {
    const { checks, pace } = run;
    const scene = of.scene === undefined ? await run.scene() : await of.scene(run);
    const { server, people } = scene;
    if ((await untilHealthy(server, 10_000)) === undefined) throw new Error('not healthy before the fault');
    await warm(scene);
    const load = startLoad(server.url, people);
    await sleep(pace(600, 1500));

    const linesBefore = server.lines.length;
    const injectedAtMs = performance.now();
    await of.inject(scene);
    // Time for what was under way to find out.
    await sleep(2000);
    const settledAtMs = performance.now();
    const lastsMs = pace(1000, 5000);
    await (of.during?.(scene, lastsMs) ?? sleep(lastsMs));
    const endedAtMs = performance.now();
    // One answer ends the time in which cached reads go on without a database, and two open the gate again.
    const wasAnswered = server.lines.slice(linesBefore).some(({ event }) => event === 'log-checked');
    await of.heal(scene);
    const backMs = await until(() => answersPastCache(scene), 10_000);
    const readyMs = await readiness(server, 10_000);
    await untilHealthy(server, 10_000);
    await sleep(pace(300, 1000));
    const outcomes = await load.stop();

    checks.none('wrong answers', wrongsOf(outcomes));
    checks.none('lost writes', await lostWrites(server.url, people));
    checks.atMostMs('slowest answer', slowest(outcomes, 'cached', 'database', 'write'), answeredWithinMs);
    judge(
      run,
      of,
      outcomes.filter(({ startedAtMs, ms }) => startedAtMs >= settledAtMs && startedAtMs + ms < endedAtMs),
      wasAnswered,
    );
    checks.none('refusals before', refusals(outcomes, 0, injectedAtMs));
    checks.atMostMs('serves again after', backMs ?? Number.POSITIVE_INFINITY, 1500);
    checks.holds('ready again', readyMs !== undefined);
    judgeLog(run, of, server.lines.slice(linesBefore));
  },
});

const judge = (
  run: Run,
  { serves = 'nothing', opens }: DatabaseFault,
  outcomes: readonly Outcome[],
  wasAnswered: boolean,
): void => {
  const { checks } = run;
  const of = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind);
  const cached = of('cached').filter(({ isSettled }) => isSettled);
  if (serves === 'reads' || !wasAnswered) {
    checks.none(
      'refused cached reads',
      cached.flatMap(({ status }) => (status === 200 ? [] : [status])),
    );
  }
  checks.atLeast('cached reads', cached.length, 20);
  const codes = (kind: Outcome['kind']): readonly string[] => [
    ...new Set(of(kind).map(({ status, text }) => `${status} ${fieldOf(text, 'code') ?? ''}`.trim())),
  ];
  if (serves === 'nothing') checks.is('uncached reads', `${codes('database')}`, '503 database-unavailable');
  else checks.is('uncached reads', `${codes('database')}`, '200');
  checks.is('writes', `${codes('write')}`, '503 database-unavailable');
  if (opens === true) {
    const slowestMs = Math.max(
      ...(['cached', 'database', 'write'] as const).map((kind) => p99(outcomes, kind)),
    );
    const limitMs = Math.max(quicklyMs, 3 * p99(outcomes, 'floor'));
    checks.atMostMs('p99 with the circuit open', slowestMs, limitMs);
  }
};

/** An operator reads that PostgreSQL was out of use, why, and that it is over. */
const judgeLog = ({ checks }: Run, { opens }: DatabaseFault, lines: readonly LogLine[]): void => {
  checks.atMost('log lines', lines.length, maxLogLines);
  if (opens !== true) return;
  const began = lines.find(({ event }) => event === 'database-out-of-use');
  checks.is('log: its cause', typeof began?.['cause'] === 'string' ? 'told' : began, 'told');
  checks.holds(
    'log: its end',
    lines.some(({ event }) => event === 'database-in-use'),
  );
};

const refusals = (outcomes: readonly Outcome[], fromMs: number, toMs: number): readonly string[] =>
  outcomes
    .filter(
      ({ startedAtMs, ms, status }) => startedAtMs >= fromMs && startedAtMs + ms < toMs && status !== 200,
    )
    .map(({ kind, status }) => `${kind}: ${status}`);

/** Everything that is read in the fault has been read before it. */
export const warm = async ({ server, people }: Scene): Promise<void> => {
  for (const { token, truth } of people.settled) {
    for (const path of truth.keys()) await ask(`${server.url}${path}`, { token });
  }
  for (const { token } of people.changing) await ask(`${server.url}/me`, { token });
};

const answersPastCache = async ({ server, people }: Scene): Promise<boolean> => {
  const token = people.settled[0]?.token ?? '';
  return (await ask(`${server.url}/me`, { token, noCache: true })).status === 200;
};
