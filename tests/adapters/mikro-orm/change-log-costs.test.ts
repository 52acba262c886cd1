import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { begin, check, checkStatement, maxRowsOfCheck } from '../../../adapters/mikro-orm/change-log.ts';
import { listInstances, listStatement } from '../../../adapters/mikro-orm/instances.ts';
import { formatSnapshot, type Snapshot } from '../../../domain/snapshot.ts';
import { type Mutation, mutate } from '../../mutants.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { bounds, type Client, type Clients, clientsOf, idOf, people } from './change-log-support.ts';

/** In the log beforehand: 60,000 usually; KITH_RUNS=2500 are a million. */
const logged = 400 * Number(process.env['KITH_RUNS'] ?? 150);
/** Checks under one open snapshot; with KITH_RUNS=18000, an hour's of four instances. */
const beats = 2 * Number(process.env['KITH_RUNS'] ?? 150);

/** Measured: 34, of which 20 are the catalogs'. */
const maxBuffers = 60;

describe('a check costs little', () => {
  let server: TestDatabase;
  let clients: Clients;
  let reader: Client;
  let writer: Client;
  let long: Client;
  let last: Snapshot;
  const id = randomUUID();
  let beat = 0;

  beforeAll(async () => {
    server = await createTestDatabase();
    clients = await clientsOf(server.address);
    [reader, writer, long] = [await clients.connect(), await clients.connect(), await clients.connect()];
    await begin(reader, bounds);
    await writer.run(people(1, 80_001));
    await writer.run(`do $$ begin for i in 1..${logged / 400} loop
      insert into change_log (source, key) select 'users', n::text from generate_series(1, 400) n; commit;
    end loop; end $$`);
    await writer.run('analyze change_log; analyze users');
    await ask();
    // What has an id from long ago and ends late; its snapshot keeps old versions of all rows.
    await long.run(
      `begin isolation level repeatable read; update users set name = 'long' where id = '${idOf(1)}'`,
    );
  }, 120_000);
  afterAll(async () => {
    await clients[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const ask = async () => {
    const answer = await check(reader, {
      id,
      beat: ++beat,
      answeredBeat: beat - 1,
      jMs: 2000,
      protocol: 1,
      last: beat === 1 ? undefined : last,
    });
    last = answer.snapshot;
    return answer;
  };

  type Node = { readonly [field: string]: unknown };
  type Cost = { readonly buffers: number; readonly rows: number; readonly scans: readonly string[] };

  /** What the server did for a statement, also for those in it that change rows: pages, rows of the log, and how it came to them. */
  const cost = async (statement: string, plan: 'generic' | 'custom' = 'custom'): Promise<Cost> => {
    await reader.run(`set plan_cache_mode = force_${plan}_plan`);
    await reader.run(`prepare costly (uuid, bigint, bigint, int, text, int, int) as ${statement}`);
    try {
      beat++;
      const values = [`'${id}'`, beat, beat - 1, 2000, `'${formatSnapshot(last)}'`, 1, maxRowsOfCheck];
      const [row] = await reader.run(
        `explain (analyze, buffers, format json) execute costly (${values.join()})`,
      );
      const nodes = nodesOf(Reflect.get(Object(Object(row?.['QUERY PLAN'])[0]), 'Plan'));
      const ofLog = nodes.filter((node) => node['Relation Name'] === 'change_log');
      return {
        buffers: [...nodes.slice(0, 1), ...nodes.filter((node) => node['Node Type'] === 'ModifyTable')]
          .map((node) => Number(node['Shared Hit Blocks']) + Number(node['Shared Read Blocks']))
          .reduce((sum, each) => sum + each),
        rows: ofLog.reduce(
          (sum, node) => sum + Number(node['Actual Rows']) * Number(node['Actual Loops']),
          0,
        ),
        scans: ofLog.map((node) => String(node['Node Type'])),
      };
    } finally {
      await reader.run('deallocate costly; reset plan_cache_mode');
    }
  };
  const nodesOf = (node: Node): readonly Node[] => [
    node,
    ...(Array.isArray(node['Plans']) ? node['Plans'].flatMap((each) => nodesOf(each)) : []),
  ];

  const arms = checkStatement.slice(
    checkStatement.indexOf('(select xid, source'),
    checkStatement.indexOf('limit $7'),
  );
  const arm = (condition: string): Mutation => [
    arms,
    `(select xid, source, key from change_log where ${condition})\n`,
  ];

  it.each(['generic', 'custom'] as const)(
    'however long the log is and while a transaction stays open: %s plan',
    async (plan) => {
      await writer.run(`update users set name = 'x' where id = '${idOf(2)}'`);
      const found = await cost(checkStatement, plan);
      expect(found.scans).toHaveLength(2);
      expect(found.scans).not.toContain('Seq Scan');
      expect(found.rows).toBe(1);
      expect(found.buffers).toBeLessThan(maxBuffers);
      await ask();
    },
  );

  it.each<readonly [string, Mutation]>([
    [
      'everything from xmin on',
      arm('xid >= pg_snapshot_xmin($5::pg_snapshot) and not pg_visible_in_snapshot(xid, $5::pg_snapshot)'),
    ],
  ])('and is seen to cost much with %s', async (_, mutation) => {
    for (let rows = 0; rows < 50; rows++)
      await writer.run(`update users set name = 'x' where id < '${idOf(200)}' and id <> '${idOf(1)}'`);
    await ask();
    expect((await cost(checkStatement)).buffers).toBeLessThan(maxBuffers);
    expect((await cost(mutate(checkStatement, mutation))).buffers).toBeGreaterThan(2 * maxBuffers);
  });

  it('where one statement changed 80,000 rows: it reads no more than the limit and says that they are too many', async () => {
    await writer.run(`update users set name = 'all' where id <> '${idOf(1)}'`);
    expect((await cost(checkStatement)).rows).toBeLessThanOrEqual(maxRowsOfCheck + 1);
    expect((await cost(mutate(checkStatement, ['limit $7::int + 1', '']))).rows).toBeGreaterThanOrEqual(
      80_000,
    );
    expect((await ask()).rows).toBe('too-many');
    expect((await ask()).rows).toEqual([]);
  }, 60_000);

  it('for the network: one row, whatever it brings', async () => {
    await writer.run(`update users set name = 'some' where id between '${idOf(2)}' and '${idOf(1001)}'`);
    const values = [id, ++beat, beat - 1, 2000, formatSnapshot(last), 1, maxRowsOfCheck];
    const answered = async (
      statement: string,
    ): Promise<{ readonly rows: number; readonly bytes: number }> => {
      values[1] = ++beat;
      const rows = await reader.rows(statement, values);
      return { rows: rows.length, bytes: JSON.stringify(rows).length };
    };
    const { rows, bytes } = await answered(checkStatement);
    expect(rows).toBe(1);
    expect(bytes / 1000).toBeLessThan(80);
    const joined = await answered(
      mutate(checkStatement, [
        'left join log_state s on true',
        'left join log_state s on true left join changes on true',
      ]),
    );
    expect(joined.rows).toBe(1000);
    expect((await ask()).rows).toHaveLength(1000);
  });

  it('for as long as a snapshot stays open: no check and no list looks at the beats of that time', async () => {
    const updating: Mutation[] = [
      [
        '), beats_before as (\n    delete from instances where id = $1 and beat >= $3 and beat < $2\n  )',
        ')',
      ],
      [
        'values ($1, $2, $4, $5::pg_snapshot, $6)',
        `values ($1, 0 * ($2::bigint + $3::bigint), $4, $5::pg_snapshot, $6)
        on conflict (id, beat) do update set applied = excluded.applied, j_ms = excluded.j_ms`,
      ],
    ];
    const oneRow = updating.reduce(mutate, checkStatement);
    const at = async (statement: string): Promise<number> => (await cost(statement)).buffers;
    const upsert = `insert into instances values ($1, 0, 2000, $2::pg_snapshot, 1)
      on conflict (id, beat) do update set applied = excluded.applied`;
    await at(oneRow);
    const [early, earlyOneRow] = [await at(checkStatement), await at(oneRow)];
    for (let count = 0; count < beats; count++) await ask();
    for (let count = 0; count < 10 * beats; count++) await reader.rows(upsert, [id, formatSnapshot(last)]);
    const [late, lateOneRow] = [await at(checkStatement), await at(oneRow)];
    expect(late - early).toBeLessThan(8);
    expect(lateOneRow - earlyOneRow).toBeGreaterThan(20);
    await reader.run('delete from instances where beat = 0');
    await ask();
    expect((await listInstances(reader)).map((each) => [each.id, each.beat])).toEqual([[id, beat]]);
    const [row] = await reader.run(`explain (analyze, buffers, format json) ${listStatement}`);
    const plan = Reflect.get(Object(Object(row?.['QUERY PLAN'])[0]), 'Plan');
    expect(plan['Shared Hit Blocks']).toBeLessThan(20);
  }, 60_000);
});
