import { randomUUID } from 'node:crypto';
import { type Check, check, checkStatement, maxRowsOfCheck } from '../../adapters/mikro-orm/change-log.ts';
import { listInstances, listStatement } from '../../adapters/mikro-orm/instances.ts';
import { type LogConnection, onPostgres } from '../../adapters/mikro-orm/log-connection.ts';
import { formatSnapshot, type Snapshot } from '../../domain/snapshot.ts';
import type { PostgresCluster } from '../../tests/torture/postgres-cluster.ts';
import { sql } from '../../tests/torture/sql.ts';
import { openPool, type PgPool } from '../subjects/postgres.ts';
import type { Row } from './benchmark.ts';
import { type Spread, spreadOf } from './rounds.ts';

const side = 4;
const instances = 100;
const jMs = 2000;
const protocol = 1;

/** One instance as the database sees it. */
type Beating = { readonly id: string; beat: number; last: Snapshot | undefined };

const asked = ({ id, beat, last }: Beating): Check => ({
  id,
  beat,
  answeredBeat: beat - 1,
  jMs,
  protocol,
  last,
});

const beatOnce = async (connection: LogConnection, one: Beating): Promise<void> => {
  one.beat++;
  one.last = (await check(connection, asked(one))).snapshot;
};

/**
 * How long a check and a look at the list take, and how many pages they touch, once so many beats were made since a snapshot
 * that stays open: no row version since then can be removed. The beats are those of 100 instances.
 */
export const measureOpenSnapshot = async (
  { sql: { run } }: PostgresCluster,
  url: string,
  steps: readonly number[],
): Promise<readonly Row[]> => {
  for (const emptied of ['truncate instances', 'truncate change_log']) await run(sql.raw(emptied));
  const pool = openPool(url, side + 1);
  const holder = await pool.connect();
  try {
    await holder.query('begin isolation level repeatable read');
    await holder.query('select from log_state');
    return await measureSteps(pool, steps);
  } finally {
    holder.release();
    await pool.end();
  }
};

const measureSteps = async (pool: PgPool, steps: readonly number[]): Promise<readonly Row[]> => {
  const clients = await Promise.all(Array.from({ length: side }, () => pool.connect()));
  const connections = clients.map((client) => onPostgres(client));
  const [first] = connections;
  if (first === undefined) throw new RangeError('no connection');
  const all = Array.from(
    { length: instances },
    (): Beating => ({
      id: randomUUID(),
      beat: 0,
      last: undefined,
    }),
  );
  const probe: Beating = { id: randomUUID(), beat: 0, last: undefined };
  for (const one of [...all, probe]) await beatOnce(first, one);
  const rows: Row[] = [];
  let made = 0;
  try {
    for (const beats of steps) {
      const more = beats - made;
      made = beats;
      await Promise.all(
        connections.map(async (connection, lane) => {
          const own = all.filter((_, index) => index % side === lane);
          for (let n = 0; n < more / side; n++) {
            const one = own[n % own.length];
            if (one !== undefined) await beatOnce(connection, one);
          }
        }),
      );
      rows.push(...(await measureStep(first, probe, beats.toLocaleString('en-US'))));
    }
    return rows;
  } finally {
    for (const client of clients) client.release();
  }
};

const measureStep = async (connection: LogConnection, probe: Beating, beats: string): Promise<Row[]> => {
  const checkMs = await timed(30, () => beatOnce(connection, probe));
  const listMs = await timed(10, () => listInstances(connection));
  probe.beat++;
  const { id, beat, answeredBeat, last } = asked(probe);
  const applied = last === undefined ? null : formatSnapshot(last);
  const values = [id, beat, answeredBeat, jMs, applied, protocol, maxRowsOfCheck];
  const checkBuffers = await buffersOf(connection, checkStatement, values);
  const listBuffers = await buffersOf(connection, listStatement);
  return [
    {
      name: `a check, ${beats} beats after a snapshot that stays open`,
      cells: ['', '', '', checkMs, checkBuffers],
    },
    { name: `the list of instances, ${beats} beats after it`, cells: ['', '', '', listMs, listBuffers] },
  ];
};

const timed = async (times: number, work: () => Promise<unknown>): Promise<Spread> => {
  const taken: number[] = [];
  while (taken.length < times) {
    const startMs = performance.now();
    await work();
    taken.push(performance.now() - startMs);
  }
  return spreadOf(taken);
};

type Plan = { readonly [field: string]: unknown };

/** The pages that a statement touches, also for the rows that it changes on the way. It is carried out. */
const buffersOf = async (
  connection: LogConnection,
  statement: string,
  values: readonly unknown[] = [],
): Promise<number> => {
  const [row] = await connection.rows(`explain (analyze, buffers, format json) ${statement}`, values);
  const [first]: unknown[] = Reflect.get(Object(row), 'QUERY PLAN');
  const nodes = nodesOf(Reflect.get(Object(first), 'Plan'));
  return [...nodes.slice(0, 1), ...nodes.filter((node) => node['Node Type'] === 'ModifyTable')]
    .map((node) => Number(node['Shared Hit Blocks']) + Number(node['Shared Read Blocks']))
    .reduce((sum, each) => sum + each);
};

const nodesOf = (node: Plan): readonly Plan[] => [
  node,
  ...(Array.isArray(node['Plans']) ? node['Plans'].flatMap((each) => nodesOf(each)) : []),
];
