import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkStatement } from '../../../adapters/mikro-orm/change-log.ts';
import type { LogConnection } from '../../../adapters/mikro-orm/log-connection.ts';
import { type Mutation, mutate } from '../../mutants.ts';
import { openPostgresCluster, type PostgresCluster } from '../../torture/postgres-cluster.ts';
import { Random } from '../../torture/random.ts';
import { sql } from '../../torture/sql.ts';
import { type Attack, attack, population } from './change-log-attack.ts';
import { type Clients, clientsOf, people } from './change-log-support.ts';

const seed = Number(process.env['KITH_SEED'] ?? Date.now() % 2 ** 31);
/** The usual 150 are some seconds; KITH_RUNS=20000 are 300,000 rows and more. */
const transactions = Number(process.env['KITH_RUNS'] ?? 150);

/** A cluster of its own, for it has to take prepared transactions. */
let cluster: PostgresCluster;
let clients: Clients;
beforeAll(async () => {
  cluster = await openPostgresCluster();
  await cluster.sql.run(sql`alter system set max_prepared_transactions = 50`);
  await cluster.kill();
  await cluster.start();
  clients = await clientsOf({
    host: '127.0.0.1',
    port: cluster.port,
    user: 'postgres',
    password: null,
    database: 'postgres',
    tls: { mode: 'off' },
  });
  const client = await clients.connect();
  await client.run(people(1, population));
}, 60_000);
afterAll(async () => {
  await clients[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const plan = (own: Partial<Attack> & Pick<Attack, 'random'>): Attack => ({
  writers: 6,
  transactions,
  twoPhase: true,
  ...own,
});

describe(`the log under attack (seed ${seed})`, () => {
  it(
    'brings every committed row once and in time: nested, prepared, serializable, long and rolled back transactions',
    async () => {
      const outcome = await attack(clients, plan({ random: new Random(seed) }));
      expect(outcome).toMatchObject({ late: [], missed: [], twice: [], invented: [] });
      // It says something only if all of them happened.
      expect(outcome.committed).toBeGreaterThan(5 * transactions);
      for (const way of ways) expect(outcome.ends.get(way), way).toBeGreaterThan(2);
      expect(outcome.checks).toBeGreaterThan(50);
    },
    60_000 + 60 * transactions,
  );
});

const ways: readonly string[] = [
  ...['read committed', 'repeatable read', 'serializable', '40001'],
  ...['roll back', 'commit prepared', 'roll back prepared'],
];

const first = 'xid >= pg_snapshot_xmax($5::pg_snapshot) and xid < pg_snapshot_xmax(pg_current_snapshot())';
const second = 'xid = any(array(select pg_snapshot_xip($5::pg_snapshot)))';
const without = (arm: string): Mutation => [arm, 'false'];

const mutants: readonly (readonly [string, readonly Mutation[]])[] = [
  ['only what began later', [without(second)]],
  ['only what was in progress', [without(first)]],
  ['begins one too late', [[first, first.replace('>=', '>')]]],
  ['begins at xmin', [[first, first.replace('xmax', 'xmin')], without(second)]],
  [
    'waits for the oldest that is in progress',
    [
      [first, `xid >= pg_snapshot_xmin($5::pg_snapshot) and xid < pg_snapshot_xmin(pg_current_snapshot())`],
      without(second),
    ],
  ],
  [
    'begins behind the greatest id that was read',
    [
      [
        first,
        `id > coalesce((select max(id) from change_log where pg_visible_in_snapshot(xid, $5::pg_snapshot)), 0)`,
      ],
      without(second),
    ],
  ],
  [
    'tells the xmin of its snapshot only',
    [
      [
        'pg_current_snapshot()::text',
        `pg_snapshot_xmin(pg_current_snapshot())::text || ':' || pg_snapshot_xmin(pg_current_snapshot()) || ':'`,
      ],
    ],
  ],
  [
    'tells the xmax of its snapshot only',
    [
      [
        'pg_current_snapshot()::text',
        `pg_snapshot_xmax(pg_current_snapshot())::text || ':' || pg_snapshot_xmax(pg_current_snapshot()) || ':'`,
      ],
    ],
  ],
];

/** What stands in place of the statement. */
const instead =
  (statement: string) =>
  (connection: LogConnection): LogConnection => ({
    rows: (text, values) => connection.rows(text === checkStatement ? statement : text, values),
  });

const isWrong = async (disturb: NonNullable<Attack['disturb']>): Promise<boolean> => {
  const outcome = await attack(clients, plan({ random: new Random(1), transactions: 500, disturb }));
  return outcome.late.length + outcome.missed.length + outcome.twice.length > 0;
};

describe('the attack sees a statement that', () => {
  it.each(mutants)(
    '%s',
    async (_, mutations) => {
      expect(await isWrong(instead(mutations.reduce(mutate, checkStatement)))).toBe(true);
    },
    60_000,
  );

  it('asks for its snapshot in a statement of its own', async () => {
    const apart = (connection: LogConnection): LogConnection => ({
      rows: async (text, values) => {
        const rows = await connection.rows(text, values);
        if (text !== checkStatement) return rows;
        const [later] = await connection.rows('select pg_current_snapshot()::text as snapshot');
        return rows.map((row) => Object.assign({}, row, later));
      },
    });
    expect(await isWrong(apart)).toBe(true);
  }, 60_000);
});
