/** The tables of docs/coming-from-a-hand-written-cache.md: each cell of what is here is run, and each feature has its test. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compose, type Kith } from '../../composition/compose.ts';
import { configFrom, parseConfig } from '../../composition/config.ts';
import { Secret } from '../../domain/secret.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../support/postgres.ts';
import { quickHasher } from '../support/quick-hasher.ts';
import { openRedis, type RedisServer } from '../support/redis-server.ts';
import { readPage } from './pages.ts';

const page = readPage('docs/coming-from-a-hand-written-cache.md');
const password = 'a long pass phrase';
const patience = { timeout: 30_000 };

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The rows of the table under a heading, each as its cells. */
const rowsOf = (heading: string, text: string = page.text): readonly (readonly string[])[] => {
  const [, section = ''] = text.split(`\n## ${heading}\n`);
  const [own = ''] = section.split('\n## ');
  const rows = own.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) => row.slice(2, -2).split(' | '));
};
const codeIn = (cell = ''): string | undefined => /`([^`]+)`/.exec(cell)?.[1];
/** Of a row without a counterpart, why it has none. */
const reasonIn = (cell = ''): string | undefined => /^none: (.+)/.exec(cell)?.[1];
const runnable = (heading: string): readonly (readonly [string, readonly string[]])[] =>
  rowsOf(heading)
    .filter(([, here]) => reasonIn(here) === undefined)
    .map((row) => [codeIn(row[1]) ?? row.join(' | '), row] as const);

let database: TestDatabase;
let redis: RedisServer;
let kith: Kith;
/** What the cells speak of, by name. */
let scope: Readonly<Record<string, unknown>>;
let admin: string;

const must = <T>(outcome: { readonly ok: boolean; readonly value?: T; readonly error?: unknown }): T => {
  if (!outcome.ok || outcome.value === undefined) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
};

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await openRedis();
  const config = configFrom({
    ...{ DATABASE_URL: urlOf(database.address), REDIS_URL: `redis://127.0.0.1:${redis.port}` },
    // Beside other tests an answer may take longer than 100 ms.
    REDIS_COMMAND_TIMEOUT_MS: '1000',
    JWT_SECRET: 'a secret of the tests, 40 characters long',
  });
  kith = await compose(config, { log: silentLog, hasher: quickHasher });
  expect(await kith.ready()).toBe(true);
  const { useCases } = kith;
  const join = async (username: string, phone: string | null = null) =>
    must(await useCases.register({ email: `${username}@example.com`, username, password, phone }));
  const [ann, bob] = [await join('ann', '+12025550123'), await join('bob')];
  await kith.bootstrapAdmin({ email: 'admin@example.com', password });
  admin = Secret.reveal(must(await useCases.logIn({ identifier: 'admin@example.com', password })).token);
  const contact = must(await useCases.addContact(ann.user.id, { firstName: 'Dan' }));
  scope = {
    ...{ useCases, id: ann.user.id, otherId: bob.user.id, contactId: contact.id },
    token: Secret.reveal(ann.token),
  };
});
afterAll(async () => {
  await kith?.close();
  await redis?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

/** What an expression comes to: `done`, or what it says of its failure. */
const outcomeOf = async (expression: string): Promise<string> => {
  const evaluate = new Function(...Object.keys(scope), `return (async () => (${expression}))()`);
  try {
    const value: unknown = await evaluate(...Object.values(scope));
    if (typeof value !== 'object' || value === null) return `it is ${value}`;
    if (!('ok' in value)) return 'done';
    return value.ok === true ? 'done' : JSON.stringify(value);
  } catch (error) {
    return `${error}`;
  }
};

/** Names of what the scope holds, in braces, as they are. */
const filledIn = (text: string): string =>
  text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(scope[name]));

const statusOf = async (line: string): Promise<number> => {
  const [method = '', path = ''] = filledIn(line).split(' ');
  const token = path.startsWith('/admin') ? admin : scope['token'];
  const headers = { authorization: `Bearer ${token}` };
  const answer = await kith.fetch(new Request(`http://kith.local${path}`, { method, headers }));
  await answer.body?.cancel();
  return answer.status;
};

/** A name in Redis, with a `*` for what only its owner can compute. */
const patternOf = (name: string): RegExp => new RegExp(`^${filledIn(name).replaceAll('*', '[\\w-]+')}$`);

const pairsIn = (code: string): Readonly<Record<string, string>> =>
  Object.fromEntries(code.split(' ').map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

describe('the page for who comes from a hand-written cache', () => {
  it('has a counterpart in each line, or says why there is none', () => {
    for (const heading of ['Functions', 'Endpoints', 'Keys', 'Settings']) {
      const rows = rowsOf(heading);
      expect(rows.length, heading).toBeGreaterThan(5);
      for (const row of rows)
        expect(codeIn(row[1]) ?? reasonIn(row[1]), `${heading}: ${row.join(' | ')}`).toBeDefined();
    }
  });

  it.each(runnable('Functions'))('runs %s', async (code) => {
    // What is asked of a cache alone is there once it was read while the log was just checked.
    await expect
      .poll(async () => {
        await outcomeOf("useCases.getUser({ kind: 'id', value: id })");
        return outcomeOf(code);
      }, patience)
      .toBe('done');
  });

  it.each(runnable('Endpoints'))('sends %s', async (code, [, , status]) => {
    expect(await statusOf(code)).toBe(Number(status));
  });

  it.each(runnable('Keys'))('finds %s in Redis', async (code) => {
    const reads = runnable('Functions').filter(([read]) => /\.(?:get|list)\w+\(/.test(read));
    await expect
      .poll(async () => {
        for (const [read] of reads) await outcomeOf(read);
        const names = await redis.command('KEYS', '*');
        return Array.isArray(names) && names.some((name) => patternOf(code).test(String(name)));
      }, patience)
      .toBe(true);
  });

  it.each(runnable('Settings'))('starts with %s', (code) => {
    expect(parseConfig(pairsIn(code))).toMatchObject({ ok: true });
  });

  it.each(['Settings', 'Feature by feature'])('names a test for each line of %s', (heading) => {
    // That the file has a test of that name is seen where all links of the documentation are.
    const rows = rowsOf(heading);
    expect(rows.length).toBeGreaterThan(9);
    for (const row of rows) expect(row[2], row.join(' | ')).toMatch(/\]\(\.\.\/tests\/\S+ "[^"]+"\)/);
  });

  it('would not pass with a line that is wrong', async () => {
    expect(await outcomeOf("useCases.getUser({ kind: 'username', value: 'nobody' })")).toContain(
      'user-not-found',
    );
    expect(await outcomeOf('useCases.cacheUser(id)')).toContain('not a function');
    expect(await statusOf('GET /cache/{id}')).toBe(404);
    expect(patternOf('kith:user:id:{id}').test('kith:user:id:somebody')).toBe(false);
    expect(parseConfig(pairsIn('USER_CACHE_TTL=soon'))).toMatchObject({ ok: false });
    const planted = page.text.replace('`useCases.invalidateUser(id)`', 'somehow');
    expect(
      rowsOf('Functions', planted).filter(([, here]) => (codeIn(here) ?? reasonIn(here)) === undefined),
    ).toHaveLength(1);
  });
});
