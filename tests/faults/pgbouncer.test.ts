import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import type { Finding } from '../../cli/doctor/finding.ts';
import { doctor } from '../../cli/doctor.ts';
import { compose, configFrom, type Kith } from '../../composition/compose.ts';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { clientsOf } from '../adapters/mikro-orm/change-log-support.ts';
import { recordingLog, silentLog, untilReady } from '../adapters/mikro-orm/support.ts';
import { runIn } from '../cli/support.ts';
import { store } from '../contracts/persistence-support.ts';
import { account, userId } from '../support/fixtures.ts';
import { openPgBouncer } from '../support/pgbouncer.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';
import { openPostgresCluster } from '../torture/postgres-cluster.ts';

const boundMs = 2_000;
const secret = randomBytes(48).toString('base64url');

const open = async (
  url: string,
  directUrl?: string,
  more: Readonly<Record<string, string>> = {},
  log: Log = silentLog,
): Promise<Kith> =>
  compose(
    configFrom({
      DATABASE_URL: url,
      ...(directUrl !== undefined && { DATABASE_DIRECT_URL: directUrl }),
      JWT_SECRET: secret,
      LOG_LEVEL: 'silent',
      JOURNAL_BOUND_MS: `${boundMs}`,
      ...more,
    }),
    { log },
  );

const findings = async (url: string, directUrl?: string) => {
  const environment = {
    DATABASE_URL: url,
    ...(directUrl !== undefined && { DATABASE_DIRECT_URL: directUrl }),
    JWT_SECRET: secret,
  };
  const { out } = await runIn(doctor, ['--json'], environment);
  const { findings: all }: { readonly findings: readonly Finding[] } = JSON.parse(out);
  return (check: string) =>
    all.filter((each) => each.check === check).map((each) => `${each.verdict}: ${each.found}`);
};

/** Somebody who is registered, and read until memory answers. */
const readFromMemory = async ({ useCases }: Kith) => {
  const ann = { email: 'ann@example.com', username: 'ann', password: 'a long pass phrase' };
  const registered = await useCases.register(ann);
  if (!registered.ok) throw new Error(registered.error.code);
  const key = { kind: 'id', value: registered.value.user.id } as const;
  const read = async () => {
    const found = await useCases.getUser(key);
    if (!found.ok) throw new Error(found.error.code);
    return found.value;
  };
  for (let tries = 0; (await read()).source !== 'memory'; tries++) {
    if (tries === 500) throw new Error('memory does not answer');
    await sleep(10);
  }
  return { id: key.value, read };
};

it('behind PgBouncer the log is read past it: what SQL changes, through it and past it, is seen within the bound', async () => {
  await using database = await createTestDatabase();
  await using pooler = await openPgBouncer(database.address, 'session');
  await using kith = await open(urlOf(pooler.address), urlOf(database.address));
  expect(await kith.ready()).toBe(true);
  const { read } = await readFromMemory(kith);
  for (const [name, address] of [
    ['past it', database.address],
    ['through it', pooler.address],
  ] as const) {
    await using clients = await clientsOf(address, false);
    await (await clients.connect()).run(`update users set name = '${name}'`);
    const startMs = performance.now();
    while ((await read()).value.name !== name) {
      expect(performance.now() - startMs).toBeLessThan(boundMs);
      await sleep(10);
    }
  }
  expect((await kith.useCases.getCacheStatus()).gate).toBe('open');
}, 30_000);

describe('the doctor behind PgBouncer', () => {
  it('finds session mode good, and the way past it', async () => {
    await using database = await createTestDatabase();
    await using pooler = await openPgBouncer(database.address, 'session');
    const said = await findings(urlOf(pooler.address), urlOf(database.address));
    expect(said('direct connection')).toEqual(['good: the same database, and sessions of its own']);
    expect(said('database notifications')).toEqual(['good: they arrive']);
  }, 30_000);

  it('finds transaction mode, and says what is right there', async () => {
    await using database = await createTestDatabase();
    await using pooler = await openPgBouncer(database.address, 'transaction');
    const undeclared = await findings(urlOf(pooler.address));
    expect(undeclared('pooler')).toEqual(['bad: a pooler in transaction mode, which nothing says']);
    const alone = await findings(`${urlOf(pooler.address)}?pgbouncer=true`);
    expect(alone('pooler')).toEqual(['warning: a pooler in transaction mode, and no way past it']);
    const both = await findings(urlOf(pooler.address), urlOf(database.address));
    expect(both('pooler')).toEqual(['good: a pooler in transaction mode']);
    expect(both('direct connection')).toEqual(['good: the same database, and sessions of its own']);
    const direct = await findings(urlOf(database.address), urlOf(pooler.address));
    expect(direct('direct connection')).toEqual(['bad: it leads through a pooler in transaction mode']);
    expect(direct('pooler')).toEqual(['warning: none, or one in session mode']);
  }, 60_000);
});

const addressOf = (port: number): PostgresAddress => ({
  host: '127.0.0.1',
  port,
  user: 'postgres',
  password: null,
  database: 'postgres',
  tls: { mode: 'off' },
});

const callsOfEach = 1000;
const atOnce = 4;

/** The end of each of so many calls, mixed of all kinds, for one person, a few at once. */
const mixedCalls = async ({ useCases }: Kith, name: string): Promise<ReadonlyMap<string, number>> => {
  const person = { email: `${name}@example.com`, username: name, password: 'a long pass phrase' };
  const registered = await useCases.register(person);
  if (!registered.ok) throw new Error(registered.error.code);
  const { id } = registered.value.user;
  const key = { kind: 'id', value: id } as const;
  const calls: readonly ((n: number) => Promise<{ readonly ok: boolean }>)[] = [
    () => useCases.getUser(key),
    () => useCases.getUser(key, 'authoritative'),
    (n) => useCases.changeProfile(id, { name: `n${n}` }),
    (n) => (n % 10 === 3 ? useCases.addContact(id, { firstName: `c${n}` }) : useCases.getUser(key)),
    () => useCases.listContacts(id, { skip: 0, limit: 5 }, 'authoritative'),
    () => useCases.getProfile({ id }),
  ];
  const ends = new Map<string, number>();
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let n = next++; n < callsOfEach; n = next++) {
        const end = await calls[n % calls.length]?.(n).then(
          ({ ok }) => (ok ? 'ok' : 'refused'),
          (error: unknown) => String(error),
        );
        ends.set(end ?? '', (ends.get(end ?? '') ?? 0) + 1);
      }
    }),
  );
  return ends;
};

describe.each(['session', 'transaction'] as const)('two Kiths behind PgBouncer in %s mode', (mode) => {
  it.each(['with', 'without'] as const)(
    'answer 2,000 mixed calls without an error, and see what SQL changes within the bound, %s a direct way',
    async (way) => {
      await using database = await createTestDatabase();
      // Told nothing of our parameters, as services hand it out, and with fewer connections than they would like.
      await using pooler = await openPgBouncer(database.address, mode, { ignored: [], poolSize: 30 });
      const direct = way === 'with' ? urlOf(database.address) : undefined;
      const more = { DATABASE_POOLER: mode === 'session' ? 'none' : 'transaction' };
      const kiths = await Promise.all([1, 2].map(() => open(urlOf(pooler.address), direct, more)));
      await using opened = new AsyncDisposableStack();
      for (const kith of kiths) opened.use(kith);
      for (const kith of kiths) expect(await kith.ready()).toBe(true);
      const ends = await Promise.all(kiths.map((kith, n) => mixedCalls(kith, `person${n}`)));
      expect(ends.map((each) => Object.fromEntries(each))).toEqual([
        { ok: callsOfEach },
        { ok: callsOfEach },
      ]);

      const [first] = kiths;
      if (first === undefined) throw new Error('there is none');
      const { read } = await readFromMemory(first);
      await database.query(`update users set name = 'by SQL' where username = 'ann'`);
      const startMs = performance.now();
      while ((await read()).value.name !== 'by SQL') {
        expect(performance.now() - startMs).toBeLessThan(boundMs);
        await sleep(10);
      }
      // Nothing that we set is left for whoever gets these connections next.
      if (mode === 'transaction') {
        await using others = await clientsOf(pooler.address, false);
        const [left] = await (await others.connect()).run('show statement_timeout');
        expect(left).toEqual({ statement_timeout: '0' });
      }
    },
    120_000,
  );
});

it('a pooler in transaction mode that nobody spoke of costs no answer: what it says of statements is understood', async () => {
  await using database = await createTestDatabase();
  await using direct = await openPostgres({ address: database.address }, silentLog);
  await untilReady(direct);
  for (let n = 1; n <= 50; n++) await store(direct, account(n));
  await using pooler = await openPgBouncer(database.address, 'transaction');
  const log = recordingLog();
  const kiths = await Promise.all([1, 2].map(() => open(urlOf(pooler.address), undefined, {}, log)));
  for (const kith of kiths) expect(await kith.ready()).toBe(true);
  const said = new Set<string>();
  const askAll = async ({ useCases }: Kith, from: number): Promise<void> => {
    for (let n = from; n < 300; n += atOnce) {
      const key = { kind: 'id', value: userId(1 + (n % 50)) } as const;
      // In another order in each, so that numbers would meet.
      const found = await (n % 2 === 0
        ? useCases.getUser(key, 'authoritative')
        : useCases.listContacts(key.value, { skip: 0, limit: 5 }, 'authoritative'));
      if (!found.ok) said.add(found.error.code);
      else if ('total' in found.value.value) said.add(`${found.value.value.total} contacts`);
      else said.add(`${found.value.value.id === key.value}`);
    }
  };
  await Promise.all(kiths.flatMap((kith) => Array.from({ length: atOnce }, (_, from) => askAll(kith, from))));
  for (const kith of kiths) await kith.close();
  expect([...said].sort()).toEqual(['0 contacts', 'true']);
  // And the log says what is to be set, once an instance that met it.
  const told = log.lines.filter((line) => line.startsWith('connections-shared'));
  expect(told[0]).toContain('DATABASE_POOLER=transaction');
  expect(told.length).toBeLessThanOrEqual(kiths.length);
}, 60_000);

it('a PostgreSQL that dies behind PgBouncer is unreachable and nothing else, and is in use again when it is back', async () => {
  await using cluster = await openPostgresCluster();
  const address = addressOf(cluster.port);
  await using pooler = await openPgBouncer(address, 'transaction', { ignored: [] });
  await using kith = await open(urlOf(pooler.address), urlOf(address));
  expect(await kith.ready()).toBe(true);
  const key = { kind: 'id', value: userId(1) } as const;
  const ask = () =>
    kith.useCases.getUser(key, 'authoritative').then(
      () => 'answered',
      (error: unknown) => (error instanceof DatabaseUnavailable ? 'unavailable' : String(error)),
    );
  expect(await ask()).toBe('answered');
  await cluster.kill();
  const said = new Set<string>();
  for (let n = 0; n < 20; n++) said.add(await ask());
  expect([...said]).toEqual(['unavailable']);
  // The circuit is open: nobody waits, in the quickest of a few.
  const waitedMs: number[] = [];
  for (let n = 0; n < 5; n++) {
    const startMs = performance.now();
    await ask();
    waitedMs.push(performance.now() - startMs);
  }
  expect(Math.min(...waitedMs)).toBeLessThan(100);
  await cluster.start();
  // PgBouncer tries again only after its server_login_retry.
  await expect.poll(ask, { timeout: 20_000 }).toBe('answered');
}, 60_000);

it('a direct way to another database is refused: no instance starts, and the doctor says so', async () => {
  await using database = await createTestDatabase();
  await using other = await createTestDatabase();
  await using kith = await open(urlOf(database.address), urlOf(other.address));
  expect(await kith.ready(1_000)).toBe(false);
  const said = await findings(urlOf(database.address), urlOf(other.address));
  expect(said('direct connection')).toEqual(['bad: it leads to another database']);
  // Nothing was made in either.
  const tables = `select from pg_class where relname = 'users' and relkind = 'r'`;
  expect([await database.query(tables), await other.query(tables)]).toEqual([[], []]);
}, 30_000);
