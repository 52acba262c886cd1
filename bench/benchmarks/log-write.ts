import { randomUUID } from 'node:crypto';
import { connect, databaseDeadlines } from '../../adapters/mikro-orm/postgres-pool.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../../tests/support/postgres.ts';
import { atLeast, type Benchmark, type Row, type Verdict } from '../harness/benchmark.ts';
import { type Contestant, type Measured, measure, type Spread } from '../harness/rounds.ts';
import { populate } from '../harness/world.ts';
import { abreast } from '../subjects/loops.ts';
import { idsOf } from '../subjects/people.ts';
import { changeRow, openPool, type PgPool } from '../subjects/postgres.ts';

const connections = 8;
/** The last migration before the log. A fenced write left the journal of then empty. */
const beforeTheLog = '0002-login-attempts';

type Tables = readonly [where: string, database: TestDatabase];

type Work = (pool: PgPool, id: string) => Promise<unknown>;

const newBio = (): string => `Reads a lot, writes little, and would rather walk. ${randomUUID()}`;

const update: Work = (pool, id) =>
  pool.query({
    name: 'change',
    text: 'update users set bio = $2, version = version + 1, updated_at = now() where id = $1',
    values: [id, newBio()],
  });

const insert: Work = (pool, id) =>
  pool.query({
    name: 'add',
    text: `insert into contacts (id, user_id, first_name, created_at, updated_at, version)
      values ($1, $2, 'Ada', now(), now(), 1)`,
    values: [randomUUID(), id],
  });

const fenced: Work = (pool, id) => changeRow(pool, id, newBio());

/** A database of its own, with the tables as the migrations up to this one make them; by default as they are. */
const openTables = async (people: number, upTo?: string): Promise<TestDatabase> => {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await createTestDatabase());
  const orm = connect(database.address, false, databaseDeadlines);
  try {
    await orm.migrator.up(upTo === undefined ? {} : { to: upTo });
  } finally {
    await orm.close(true);
  }
  await database.query(populate(people));
  opened.move();
  return database;
};

const dropTriggers = (name: string): string => `do $$ declare each record; begin
  for each in select tgname, tgrelid::regclass as on_table from pg_trigger where tgname like '${name}' loop
    execute format('drop trigger %I on %s', each.tgname, each.on_table);
  end loop;
end $$`;

/** What one round leaves behind is not for the next one to carry. */
const clean = async ({ query }: TestDatabase): Promise<void> => {
  await query(`do $$ begin
    if to_regclass('change_log') is not null then truncate change_log; end if;
  end $$`);
  for (const statement of ['delete from contacts', 'vacuum users', 'vacuum contacts']) await query(statement);
};

/** Its cost is the time that passes for each transaction, in microseconds, while several run side by side. */
const contestantOf = (name: string, database: TestDatabase, pool: PgPool, work: Work): Contestant => {
  const ids = idsOf(200);
  return {
    name,
    measure: async (operations) => {
      await clean(database);
      const startMs = performance.now();
      await abreast(operations, connections, (n) => work(pool, ids[n % ids.length] ?? ''));
      return ((performance.now() - startMs) * 1000) / operations;
    },
  };
};

const aSecond = ({ median, min, max }: Spread): Spread => ({
  median: 1e6 / median,
  min: 1e6 / max,
  max: 1e6 / min,
});

const rowOf = ({ name, cpuUs, ofAnchor }: Measured): Row => ({ name, cells: [aSecond(cpuUs), ofAnchor] });

export const logWrite: Benchmark = {
  name: 'log-write',
  title: 'A write with the log of changes',
  about:
    `SQL by hand on ${connections} connections, by the time that passes: the tables as they are, and the same without ` +
    'their triggers (of the log and of the version). The fenced write (lock, change, commit) also on the tables of before ' +
    'the log, where a fence kept it out of the journal. Those that are compared take turns, each in a database of its own ' +
    'that is cleaned between two rounds. With synchronous_commit on, which is what PostgreSQL comes with, each commit waits for ' +
    'the disk; with off nothing hides what the triggers cost.',
  run: async ({ pace, short }) => {
    await using opened = new AsyncDisposableStack();
    const people = short ? 200 : 10_000;
    const now = opened.use(await openTables(people));
    const bare = opened.use(await openTables(people));
    await bare.query(dropTriggers('kith%'));
    const logOnly = opened.use(await openTables(people));
    await logOnly.query(dropTriggers('kith_version'));
    const before = opened.use(await openTables(people, beforeTheLog));
    const rows: Row[] = [];
    const verdicts: Verdict[] = [];
    const compare = async (
      commit: string,
      [what, work]: readonly [string, Work],
      least: number,
      ...others: readonly [Tables, ...Tables[]]
    ): Promise<void> => {
      await using pools = new AsyncDisposableStack();
      const contestant = (...[where, database]: Tables): Contestant => {
        const options = encodeURIComponent(`-c synchronous_commit=${commit}`);
        const pool = openPool(`${urlOf(database.address)}?options=${options}`, connections);
        pools.defer(() => pool.end());
        return contestantOf(`${what}, ${where}, ${commit}`, database, pool, work);
      };
      const [[anchor]] = others;
      const contestants = [...others, ['as it is', now] as const].map((tables) => contestant(...tables));
      const measured = await measure(contestants, { ...pace, warmUpMs: short ? 0 : 500 });
      rows.push(...measured.map(rowOf));
      const wanted = `${what}, of the same ${anchor}, synchronous_commit ${commit}`;
      verdicts.push(...atLeast('P14', wanted, least, measured.at(-1)?.ofAnchor.median));
    };
    const none = ['without triggers', bare] as const;
    for (const commit of ['on', 'off']) {
      await compare(commit, ['update of a user', update], 0.8, none, ['with those of the log', logOnly]);
      await compare(commit, ['insert of a contact', insert], 0.8, none);
      await compare(commit, ['fenced write', fenced], 1, ['before the log', before]);
    }
    return { columns: ['transactions a second', 'of the anchor'], rows, verdicts };
  },
};
