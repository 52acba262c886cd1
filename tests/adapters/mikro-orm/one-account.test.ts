/** One account that writes as fast as it can, over HTTP: what becomes of its writes, and of everybody else. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { compose, type Overrides } from '../../../composition/compose.ts';
import { configFrom } from '../../../composition/config.ts';
import { at } from '../../support/json.ts';
import { createTestDatabase, urlOf } from '../../support/postgres.ts';
import { quickHasher } from '../../support/quick-hasher.ts';
import { silentLog } from './support.ts';

const password = 'correct horse battery staple';
const together = 100;

const JWT_SECRET = 'a secret of the tests, 40 characters long';

const start = async (environment: Record<string, string>, overrides: Overrides = {}) => {
  // Limits for each address are no part of this.
  const limits = { take: async () => undefined };
  const config = configFrom({ ...environment, JWT_SECRET });
  const kith = await compose(config, { hasher: quickHasher, limits, log: silentLog, ...overrides });
  onTestFinished(() => kith.close());
  expect(await kith.ready()).toBe(true);

  const send = async (method: string, path: string, token?: string, body?: object) => {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      'cache-control': 'no-cache',
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await kith.fetch(new Request(`http://kith.test${path}`, init));
    const text = await response.text();
    const json: unknown = text === '' ? {} : JSON.parse(text);
    const outcome = response.ok ? `${response.status}` : `${response.status} ${at(json, 'code')}`;
    return { outcome, json, retryAfter: response.headers.get('retry-after') };
  };
  const join = async (username: string): Promise<string> => {
    const fields = { username, email: `${username}@example.com`, password };
    const { outcome, json } = await send('POST', '/auth/register', undefined, fields);
    expect(outcome).toBe('201');
    return `${at(json, 'access_token')}`;
  };
  return { send, join };
};

const openOnPGlite = async () => {
  const database = await openEmbedded({ dataDir: null }, silentLog);
  onTestFinished(() => database[Symbol.asyncDispose]());
  return start({}, { database });
};

const openOnPostgres = async () => {
  const server = await createTestDatabase();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const kith = await start({ DATABASE_URL: urlOf(server.address) });
  /** How many connections waited for a lock, the most that was seen until the end. */
  const watchConnections = () => {
    const seen = { most: 0 };
    const watching = setInterval(async () => {
      const [row] = await server
        .query(
          `select count(*)::int as n from pg_stat_activity where datname = current_database()
             and application_name = 'kith' and wait_event_type = 'Lock'`,
        )
        .catch(() => []);
      seen.most = Math.max(seen.most, Number(row?.['n'] ?? 0));
    }, 10);
    onTestFinished(() => clearInterval(watching));
    return seen;
  };
  return { server, ...kith, watchConnections };
};

const codesOf = (answers: readonly { readonly outcome: string }[]): readonly string[] =>
  [...new Set(answers.map(({ outcome }) => outcome))].sort();

describe('one account that writes a hundred times at once', () => {
  it.each([
    ['PostgreSQL', openOnPostgres],
    ['PGlite', openOnPGlite],
  ])(
    'is never told that the database is away, and nobody else notices: %s',
    async (_name, open) => {
      const { send, join } = await open();
      const busy = await join('busy');
      const other = await join('other');
      const others: { readonly outcome: string }[] = [];
      let isOver = false;
      const elsewhere = (async () => {
        while (!isOver)
          others.push(
            ...(await Promise.all([
              send('POST', '/auth/login', undefined, { identifier: 'other', password }),
              send('GET', '/me', other),
              send('GET', '/contacts', other),
            ])),
          );
      })();
      const writes = await Promise.all(
        Array.from({ length: together }, (_, n) => [
          send('POST', '/contacts', busy, { first_name: `C${n}` }),
          send('PATCH', '/me', busy, { bio: `${n}` }),
        ]).flat(),
      );
      isOver = true;
      await elsewhere;
      // A machine that is slow enough turns some away, who are told when to come back.
      for (const { outcome, retryAfter } of writes) {
        expect(['200', '201', '503 overloaded']).toContain(outcome);
        if (outcome.startsWith('503')) expect(Number(retryAfter)).toBeGreaterThan(0);
      }
      const done = writes.filter(({ outcome }) => outcome === '201').length;
      expect(done).toBeGreaterThan(0);
      expect((await send('GET', '/contacts', busy)).json).toMatchObject({ total: done });
      expect(others.length).toBeGreaterThan(3);
      expect(codesOf(others)).toEqual(['200']);
    },
    60_000,
  );

  it('waits its turn without a connection, also where somebody else holds the row', async () => {
    const { server, send, join, watchConnections } = await openOnPostgres();
    const busy = await join('busy');
    const other = await join('other');
    const seen = watchConnections();
    const held = server.query(
      `select pg_sleep(3) from (select id from users where username = 'busy' for update) t`,
    );
    await expect
      .poll(() => server.query(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`), {
        timeout: 3000,
      })
      .not.toEqual([]);
    const writes = Promise.all(
      Array.from({ length: together }, (_, n) => send('PATCH', '/me', busy, { bio: `${n}` })),
    );
    const others: { readonly outcome: string }[] = [];
    for (let n = 0; n < 20; n++) {
      others.push(await send('POST', '/auth/login', undefined, { identifier: 'other', password }));
      others.push(await send('PATCH', '/me', other, { bio: `${n}` }), await send('GET', '/me', busy));
    }
    expect(codesOf(others)).toEqual(['200']);
    expect(codesOf(await writes)).toEqual(['503 overloaded']);
    expect(seen.most).toBe(1);
    await held;
    expect((await send('PATCH', '/me', busy, { bio: 'again' })).outcome).toBe('200');
  }, 60_000);

  it('is nothing to the others when it is an administrator who changes roles', async () => {
    const { server, send, join, watchConnections } = await openOnPostgres();
    const admin = await join('ada');
    await server.query(`update users set role = 'admin' where username = 'ada'`);
    const other = await join('other');
    const [row] = await server.query(`select id::text from users where username = 'other'`);
    const role = `/admin/users/${String(row?.['id'])}/role`;
    const isAdmin = async () => (await send('PUT', role, admin, { role: 'user' })).outcome;
    await expect.poll(isAdmin, { timeout: 10_000 }).toBe('200');
    const seen = watchConnections();
    const changes = Promise.all(
      Array.from({ length: together / 2 }, () => send('PUT', role, admin, { role: 'user' })),
    );
    const others: { readonly outcome: string }[] = [];
    for (let n = 0; n < 20; n++) others.push(await send('GET', '/me', other));
    expect(codesOf(others)).toEqual(['200']);
    for (const { outcome } of await changes) expect(['200', '503 overloaded']).toContain(outcome);
    expect(seen.most).toBeLessThanOrEqual(1);
  }, 60_000);

  it('cannot keep its owner from signing out everywhere', async () => {
    const { server, send, join } = await openOnPostgres();
    const busy = await join('busy');
    const flood = Promise.all(
      Array.from({ length: together }, (_, n) => send('POST', '/contacts', busy, { first_name: `C${n}` })),
    );
    const signedOut = send('POST', '/me/sign-out-everywhere', busy);
    const written = async () => {
      const [row] = await server.query(
        'select (select count(*)::int from contacts) as n from users where token_version > 1',
      );
      return row?.['n'];
    };
    // It was answered later, when everybody is known to have heard of it; it was made before its turn would have come.
    await expect.poll(written, { interval: 5, timeout: 10_000 }).toBeDefined();
    expect(Number(await written())).toBeLessThan(together);
    expect((await signedOut).outcome).toBe('204');
    await flood;
    expect((await send('GET', '/me', busy)).outcome).toBe('401 invalid-token');
  }, 60_000);
});
