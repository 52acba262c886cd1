import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import type { Finding } from '../../cli/doctor/finding.ts';
import { doctor } from '../../cli/doctor.ts';
import { compose, configFrom, type Kith } from '../../composition/compose.ts';
import { clientsOf } from '../adapters/mikro-orm/change-log-support.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { runIn } from '../cli/support.ts';
import { store } from '../contracts/persistence-support.ts';
import { account, userId } from '../support/fixtures.ts';
import { openPgBouncer } from '../support/pgbouncer.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';

const boundMs = 2_000;
const secret = randomBytes(48).toString('base64url');

const open = async (url: string, directUrl: string): Promise<Kith> =>
  compose(
    configFrom({
      DATABASE_URL: url,
      DATABASE_DIRECT_URL: directUrl,
      JWT_SECRET: secret,
      LOG_LEVEL: 'silent',
      JOURNAL_BOUND_MS: `${boundMs}`,
    }),
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

  it('says that transaction mode is not supported, also as the direct way', async () => {
    await using database = await createTestDatabase();
    await using pooler = await openPgBouncer(database.address, 'transaction');
    const alone = await findings(urlOf(pooler.address));
    expect([...alone('database'), ...alone('database notifications')].join()).toMatch(
      /bad: .*(26000|42P05)|warning: NOTIFY is not heard/,
    );
    const direct = await findings(urlOf(database.address), urlOf(pooler.address));
    expect(direct('direct connection')).toEqual(['bad: it leads through a pooler in transaction mode']);
  }, 30_000);
});

it('behind PgBouncer in transaction mode a statement is refused or is the one that was meant', async () => {
  await using database = await createTestDatabase();
  await using direct = await openPostgres({ address: database.address }, silentLog);
  for (let n = 1; n <= 50; n++) await store(direct, account(n));
  await using pooler = await openPgBouncer(database.address, 'transaction');
  const kiths = await Promise.all([1, 2].map(() => open(urlOf(pooler.address), urlOf(database.address))));
  for (const kith of kiths) expect(await kith.ready()).toBe(true);
  const outcomes = kiths.flatMap(({ useCases }, instance) =>
    Array.from({ length: 300 }, async (_, n): Promise<string> => {
      await sleep(2 * n);
      const key = { kind: 'id', value: userId(1 + (n % 50)) } as const;
      try {
        // In another order in each process, so that numbers would meet.
        const isRead = (n + instance) % 2 === 0;
        const found = isRead
          ? await useCases.getUser(key, 'authoritative')
          : await useCases.listContacts(key.value, { skip: 0, limit: 5 }, 'authoritative');
        if (!found.ok) return found.error.code;
        const { value: answer } = found.value;
        return 'total' in answer ? `${answer.total} contacts` : `${answer.id === key.value}`;
      } catch (error) {
        return /SQLSTATE (26000|42P05)/.test(String(error)) ? 'refused' : String(error);
      }
    }),
  );
  const said = new Set(await Promise.all(outcomes));
  for (const kith of kiths) await kith.close();
  expect([...said].sort()).toEqual(expect.arrayContaining(['refused']));
  expect([...said].filter((each) => !['refused', 'true', '0 contacts'].includes(each))).toEqual([]);
}, 60_000);

it('behind PgBouncer in session mode no statement fails', async () => {
  await using database = await createTestDatabase();
  await using pooler = await openPgBouncer(database.address, 'session');
  await using kith = await open(urlOf(pooler.address), urlOf(database.address));
  expect(await kith.ready()).toBe(true);
  const { id } = await readFromMemory(kith);
  const { addContact, changeProfile, getUser } = kith.useCases;
  const mixed = Array.from({ length: 400 }, async (_, n) => {
    await sleep(3 * n);
    if (n % 4 === 0) return (await addContact(id, { firstName: `c${n}` })).ok;
    if (n % 4 === 1) return (await changeProfile(id, { name: `n${n}` })).ok;
    return (await getUser({ kind: 'id', value: id }, 'authoritative')).ok;
  });
  expect((await Promise.all(mixed)).every(Boolean)).toBe(true);
}, 30_000);

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
