import { setTimeout as sleep } from 'node:timers/promises';
import { AuditLog } from './audit.ts';
import { Checker } from './checker.ts';
import type { Violation } from './facts.ts';
import { format, type History, lineOf, openHistory } from './history.ts';
import type { Context } from './people.ts';
import { populate } from './population.ts';
import { checkQuiescence } from './quiescence.ts';
import { Random } from './random.ts';
import { type Outcome, quantile } from './report.ts';
import type { Scenario } from './scenarios.ts';
import { staleAnswersIn } from './stale-answers.ts';
import { verdictOf } from './verdict.ts';
import { parseCacheStatus } from './wire.ts';
import { type Mode, startWorkload, type WorkloadOptions } from './workload.ts';
import { bounds, openWorld, type Variant, type World } from './world.ts';

export type RunOptions = WorkloadOptions & {
  readonly seed: number;
  readonly minutes: number;
  readonly scenarios: readonly Scenario[];
  readonly variant: Variant;
  readonly processes: number;
  readonly people: number;
  /** The file that the run is written to. */
  readonly history: string | undefined;
  /** Hears of each scenario when it is over. */
  readonly report: (outcome: Outcome, world: World) => void;
};

/** Within which an instance must use Redis again after a fault. */
const recoveryMs = 10_000;
const quietMs = bounds.boundMs + 100;
/** Shorter scenarios go on into the next one; only the last is followed by quiescence. */
const leastForQuiescenceMs = 9000;

/** Every scenario for its share of the time, on servers that it starts and ends. */
export const run = async (options: RunOptions): Promise<readonly Outcome[]> => {
  // The start of everything is part of it.
  const endMs = performance.now() + options.minutes * 60_000;
  await using world = await openWorld(options.processes, options.variant);
  const random = new Random(options.seed);
  const context = await populate(world, options.people);
  const checker = new Checker(bounds);
  const log = new AuditLog();
  using history = openHistory(options.history);
  history.write([{ type: 'run', format, seed: options.seed, variant: options.variant }]);
  const staleAnswers = staleAnswersIn(world.logs);
  const outcomes: Outcome[] = [];
  for (const [index, scenario] of options.scenarios.entries()) {
    // What one took too much of is less for each of the others.
    const shareMs = (endMs - performance.now()) / (options.scenarios.length - index);
    const isLast = index === options.scenarios.length - 1;
    const isQuiet = isLast || shareMs >= leastForQuiescenceMs;
    const untilMs = performance.now() + Math.max(1000, shareMs - (isQuiet ? quietMs + 1000 : 0));
    const left = await play(context, scenario, {
      ...options,
      random: random.fork(),
      untilMs,
      isQuiet,
      history,
    });
    const found = [...left, ...(await staleAnswers())];
    const outcome = await judge(context, { checker, log, history }, scenario, found);
    outcomes.push(outcome);
    options.report(outcome, world);
  }
  context.client.close();
  return outcomes;
};

type Play = WorkloadOptions & {
  readonly history: History;
  readonly random: Random;
  readonly untilMs: number;
  readonly isQuiet: boolean;
  readonly variant: Variant;
};

/** The fault again and again under the workload, then the quiet; what was found to be wrong after it. */
const play = async (context: Context, scenario: Scenario, options: Play): Promise<readonly Violation[]> => {
  const { random, untilMs, isQuiet, history } = options;
  const mode: Mode = { rawSql: false };
  const [least, most] = scenario.lastsMs;
  const violations: Violation[] = [];
  {
    await using _workload = startWorkload(context, random.fork(), mode, options);
    do {
      const ms = Math.min(random.between(least, most), Math.max(300, untilMs - performance.now()));
      const fromMs = performance.now();
      await scenario.fault(context.world, random, ms, mode, context);
      history.write([{ type: 'fault', scenario: scenario.name, fromMs, toMs: performance.now() }]);
      await sleep(random.between(0, 700));
    } while (performance.now() < untilMs);
    if (options.variant === 'none') violations.push(...(await awaitRecovery(context)));
  }
  await Promise.all(context.people.map(settled));
  if (!isQuiet) return violations;
  await sleep(quietMs);
  return [...violations, ...(await checkQuiescence(context))];
};

/** Somebody may still be logging in again. */
const settled = async (person: Context['people'][number]): Promise<void> => {
  for (let attempt = 0; attempt < 1000 && person.busy; attempt++) await sleep(20);
};

const awaitRecovery = async ({ world, client }: Context): Promise<readonly Violation[]> => {
  const untilMs = performance.now() + recoveryMs;
  const waiting = world.servers.map(async (server): Promise<readonly Violation[]> => {
    let status = '';
    while (performance.now() < untilMs) {
      const answer = await client.ask(server, { name: 'health', method: 'GET', path: '/health/cache' });
      status = answer.call.status === 200 ? parseCacheStatus(answer.body) : `${answer.call.status}`;
      if (status === 'healthy') return [];
      await sleep(100);
    }
    return [
      { kind: 'error', text: `server ${server.number} is ${status} ${recoveryMs} ms after the last fault` },
    ];
  });
  return (await Promise.all(waiting)).flat();
};

type Court = { readonly checker: Checker; readonly log: AuditLog; readonly history: History };

const judge = async (
  { world, recorder }: Context,
  { checker, log, history }: Court,
  { name, losesFences, onlyRedis, bounds: larger }: Scenario,
  left: readonly Violation[],
): Promise<Outcome> => {
  const { operations, serverErrors, latenciesMs, violations: found, ...counts } = recorder.take();
  const entries = await log.read(world.sql);
  const known = log.wakes.length;
  log.wakes.push(...world.wakes.atMs.slice(known));
  const { wakes } = log;
  const facts = operations.flatMap((operation) => operation.facts);
  const firstMs = facts.reduce((least, { call }) => Math.min(least, call.startMs), Number.POSITIVE_INFINITY);
  const conditions = {
    scenario: name,
    keepsFences: losesFences !== true,
    onlyRedis: onlyRedis === true,
    bounds: larger ?? bounds,
  };
  const findings = [...found, ...left];
  const evidence = { audit: log.audit(), facts, serverErrors, findings };
  const violations = verdictOf(checker, evidence, conditions);
  history.write([
    ...entries.map((entry) => ({ type: 'commit', ...entry }) as const),
    ...wakes.slice(known).map((atMs) => ({ type: 'wake', atMs }) as const),
    ...operations.map(lineOf),
    ...findings.map((finding) => ({ type: 'finding', ...finding }) as const),
    { type: 'verdict', ...conditions, violations },
  ]);
  return {
    scenario: name,
    ...counts,
    violations,
    serverErrors: serverErrors.length,
    unconfirmed: wakes.filter((atMs) => atMs >= firstMs).length,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    maxMs: quantile(latenciesMs, 1),
  };
};
