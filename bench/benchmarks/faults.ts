import { setTimeout as sleep } from 'node:timers/promises';
import { openFaultProxy } from '../../tests/support/fault-proxy.ts';
import type { Benchmark, Context, Row, Verdict } from '../harness/benchmark.ts';
import { fleetsOf, openFleet } from '../harness/fleet.ts';
import { judge, percentileMs } from '../harness/judge.ts';

/** What an outage may cost a promise: the bound of the log. */
const boundMs = 2000;
const faults = ['cut', 'black-hole'] as const;
/** For how long the caches are left alone before they are asked for everybody's version. */
const quietMs = 4000;

export const faultRuns: Benchmark = {
  name: 'faults',
  title: 'The same with one process cut off from Redis for 2 s',
  about:
    'Paced: 8 callers in each process with a mean pause of 10 ms. In the middle the connections of one process to Redis ' +
    'are reset and refused (cut), or swallow everything (black hole). Wrong at the end: users whose version some process ' +
    `still has wrong ${quietMs / 1000} s after the last write.`,
  run: async (context) => {
    const rows: Row[] = [];
    const verdicts: Verdict[] = [];
    for (const [title, subject] of fleetsOf(context)) {
      for (const fault of faults) {
        const { row, verdict } = await runOne(context, title, subject, fault);
        rows.push(row);
        if (subject === 'kith') verdicts.push(verdict);
      }
    }
    const columns = [
      'stale reads',
      `stale over ${boundMs} ms`,
      'wrong at the end',
      'p99 in the cut process, ms',
    ];
    return { columns: [...columns, 'slowest read, ms', 'failed'], rows, verdicts };
  },
};

const runOne = async (
  context: Context,
  title: string,
  subject: string,
  fault: (typeof faults)[number],
): Promise<{ row: Row; verdict: Verdict }> => {
  const { settings, short } = context;
  const scale = short ? 0.1 : 1;
  await using proxy = await openFaultProxy({ host: '127.0.0.1', port: settings.redisPort });
  const workload = { readShare: 0.95, width: 8, operations: 1e9, durationMs: 8000 * scale, thinkMs: 10 };
  await using fleet = await openFleet(context, subject, workload, proxy.port);
  const working = fleet.work();
  await sleep(2500 * scale);
  proxy.set(fault);
  await sleep(2000 * scale);
  proxy.set('pass');
  // What a black hole swallowed stays lost: the connections go on without it, or are given up.
  if (fault === 'black-hole') proxy.reset();
  const histories = await working;
  const judgement = judge(histories, boundMs);
  await sleep(quietMs * scale);
  const wrong = await wrongAtTheEnd(histories, fleet.members);
  const [cutOff] = histories;
  const reads = cutOff?.reads ?? [];
  const p99Ms = percentileMs(reads, 0.99);
  return {
    row: {
      name: `${title}, ${fault}`,
      cells: [
        judgement.stale,
        judgement.staleBeyond,
        wrong,
        p99Ms,
        percentileMs(reads, 1),
        judgement.failures,
      ],
    },
    verdict: {
      target: 'P9',
      wanted: `${fault}: 0 stale past the promise, 0 wrong at the end, p99 in the cut process at most 110 ms`,
      measured: `${judgement.staleBeyond}, ${wrong}, ${p99Ms.toFixed(0)} ms`,
      met: judgement.staleBeyond === 0 && wrong === 0 && p99Ms <= 110,
    },
  };
};

const checkedPeople = 500;

const wrongAtTheEnd = async (
  histories: Awaited<ReturnType<Awaited<ReturnType<typeof openFleet>>['work']>>,
  members: Awaited<ReturnType<typeof openFleet>>['members'],
): Promise<number> => {
  const newest = new Map<number, number>();
  for (const [person, version] of histories.flatMap(({ writes }) => writes))
    newest.set(person, Math.max(version, newest.get(person) ?? 0));
  const wrong = new Set<number>();
  for (const member of members) {
    const versions = parseVersions((await member.call('versions', checkedPeople)).value);
    for (const [person, version] of versions.entries()) {
      if (version < (newest.get(person) ?? 0)) wrong.add(person);
    }
  }
  return wrong.size;
};

const parseVersions = (value: unknown): readonly number[] => value as readonly number[];
