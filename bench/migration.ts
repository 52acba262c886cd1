/**
 * `migration.ts [--users=100000] [--contacts=500000]`: makes a database of its own with the tables as they were before
 * `0004-contact-names` and so many rows, migrates it as `kith migrate` does while others read and write, and says for how long
 * these waited. It drops the database afterwards. Exits with 1 if a reader waited for a lock for longer than a second, or if something is wrong afterwards.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { migratePostgres } from '../adapters/mikro-orm/migrate.ts';
import { migrations } from '../adapters/mikro-orm/migrations.ts';
import { connect, databaseDeadlines } from '../adapters/mikro-orm/postgres-pool.ts';
import { ensurePostgres } from '../scripts/servers.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../tests/support/postgres.ts';
import { openPool, type PgPool } from './subjects/postgres.ts';

const option = (name: string, otherwise: number): number => {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1];
  return given === undefined ? otherwise : Number(given);
};
const [users, contacts] = [option('users', 100_000), option('contacts', 500_000)];
const mostReaderWaitMs = 1000;
const apartMs = 60_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The id of user `n`, in SQL. */
const idOf = (n: string): string => `lpad(to_hex(${n}), 32, '0')::uuid`;

const populate = async ({ query }: TestDatabase): Promise<void> => {
  await query(`insert into users select ${idOf('n')}, 'person' || n || '@example.com', 'person' || n, null, 'Person ' || n,
      null, null, null, null, '{}', null, 'user', true, true, 'x', now(), now(), 1, 1
    from generate_series(1, ${users}) n`);
  // As if it were long ago: the log has forgotten it.
  await query('alter table contacts disable trigger kith_log');
  await query(`insert into contacts (id, user_id, first_name, last_name, email, phone, created_at, updated_at, version)
    select gen_random_uuid(), ${idOf(`1 + n % ${users}`)}, case n % 4 when 0 then 'Émilie' else 'Ada' end || n, 'Lovelace',
      'contact' || n || '@example.org', '+4917' || lpad(n::text, 9, '0'),
      timestamptz '2026-01-01' + n * interval '1 second', now(), 1
    from generate_series(1, ${contacts}) n`);
  await query('alter table contacts enable always trigger kith_log');
  for (const table of ['users', 'contacts']) await query(`vacuum (analyze) ${table}`);
};

type Waits = { readonly name: string; readonly ms: number[] };

/** Sends one statement after the other until it is told to stop, and keeps how long each took. */
const loop = (pool: PgPool, name: string, text: string, until: AbortSignal) => {
  const waits: Waits = { name, ms: [] };
  const ended = (async () => {
    for (let n = 0; !until.aborted; n++) {
      const owner = (1 + ((n * 7919) % users)).toString(16).padStart(32, '0');
      const startMs = performance.now();
      await pool.query({ name, text, values: text.includes('$2') ? [owner, randomUUID()] : [owner] });
      waits.ms.push(performance.now() - startMs);
    }
    return waits;
  })();
  return ended;
};

const others: readonly (readonly [name: string, text: string])[] = [
  [
    'read',
    `select id, first_name, last_name, email, phone, birthday, notes, created_at, version from contacts
      where user_id = $1::uuid order by created_at desc, id desc limit 20`,
  ],
  ['read of a user', 'select id, email, username, name, role, version from users where id = $1::uuid'],
  [
    'insert',
    `insert into contacts (id, user_id, first_name, created_at, updated_at, version)
      values ($2::uuid, $1::uuid, 'New', now(), now(), 1)`,
  ],
  [
    'update',
    `update contacts set last_name = 'Changed' where id = (select id from contacts where user_id = $1::uuid limit 1)`,
  ],
  ['delete', `delete from contacts where id = (select id from contacts where user_id = $1::uuid limit 1)`],
];

const lockLooksApartMs = 20;

/** For how long a read was seen to wait for a lock, the longest. All other waits are for a machine that is busy. */
const watchLocks = async (pool: PgPool, until: AbortSignal): Promise<number> => {
  let longestMs = 0;
  while (!until.aborted) {
    const { rows } =
      await pool.query(`select max(extract(epoch from clock_timestamp() - query_start) * 1000)::float8 as ms
      from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'select id,%'`);
    longestMs = Math.max(longestMs, Number(rows[0]?.['ms'] ?? 0));
    await new Promise((resolve) => setTimeout(resolve, lockLooksApartMs));
  }
  return longestMs;
};

/** What each of the others waited while `work` ran. */
const beside = async (pool: PgPool, work: () => Promise<unknown>) => {
  const over = new AbortController();
  const loops = others.map(([name, text]) => loop(pool, name, text, over.signal));
  const locks = watchLocks(pool, over.signal);
  try {
    await work();
  } finally {
    over.abort();
  }
  return { waits: await Promise.all(loops), lockedMs: await locks };
};

const report = (when: string, all: readonly Waits[]): void => {
  for (const { name, ms } of all) {
    const sorted = ms.toSorted((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
    say(
      `${when}: ${name}: ${ms.length} times, median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms`,
    );
  }
};

const postgres = await ensurePostgres();
await using database = await createTestDatabase(postgres.url);
const orm = connect(database.address, false, databaseDeadlines);
const pool = openPool(urlOf(database.address), others.length + 1);
try {
  const names = migrations.map(({ name }) => name);
  const before = names[names.indexOf('0004-contact-names') - 1];
  if (before === undefined) throw new Error('there is no schema before');
  await orm.migrator.up({ to: before });
  const populatedMs = performance.now();
  await populate(database);
  say(
    `${users} users and ${contacts} contacts, made in ${((performance.now() - populatedMs) / 1000).toFixed(0)} s`,
  );
  const alone = await beside(pool, () => new Promise((resolve) => setTimeout(resolve, apartMs)));
  report('alone', alone.waits);

  const startMs = performance.now();
  const unproved: string[] = [];
  const during = await beside(pool, async () => {
    unproved.push(...(await migratePostgres(database.address)).unprovedRules);
  });
  say(`migrated in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  report('meanwhile', during.waits);

  const [wrong] = await database.query(`select count(*)::int as n from
    (select user_id, count(*) as n from contacts group by 1) c full join
    (select user_id, sum(total) as n from contact_counts group by 1 having sum(total) <> 0) k using (user_id)
    where c.n is distinct from k.n`);
  const [unlike] = await database.query(`select count(*)::int as n from contacts c full join contact_search s
      on s.contact_id = c.id and s.user_id = c.user_id and s.created_at = c.created_at
    where s.folded is distinct from kith_searched_text(c.first_name, c.last_name, c.organization, c.email, c.phone)`);
  const sizes =
    await database.query(`select relname as name, pg_size_pretty(pg_total_relation_size(oid)) as size
    from pg_class where relname in ('contacts', 'contact_search', 'contact_counts') order by 1`);
  say(sizes.map(({ name, size }) => `${name} ${size}`).join(', '));
  say(
    `counted wrong: ${wrong?.['n']}; texts that are not those of their contacts: ${unlike?.['n']}; rules not proved: ${unproved.length}`,
  );
  say(`the longest wait of a reader for a lock: ${during.lockedMs.toFixed(0)} ms`);
  if (during.lockedMs > mostReaderWaitMs || wrong?.['n'] !== 0 || unlike?.['n'] !== 0 || unproved.length > 0)
    process.exitCode = 1;
} finally {
  await pool.end();
  await orm.close(true);
}
