/** `Idempotency-Key` on real databases: two instances at once, a COMMIT whose answer is lost, and a day that passes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import { compose, type Kith, type Overrides } from '../../composition/compose.ts';
import { configFrom } from '../../composition/config.ts';
import { OutcomeUnknown } from '../../domain/faults.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { Transactions } from '../../domain/ports/persistence.ts';
import { type Fault, faultProxy, silentLog, untilReady } from '../adapters/mikro-orm/support.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../support/postgres.ts';
import { quickHasher } from '../support/quick-hasher.ts';

const grace = { firstName: 'Grace', phone: '+49 170 1234567' };
const key = '0b9a3c1e-5d7f-4a21-9c3b-2f6d8e4a7b10';

const start = async (
  variables: Readonly<Record<string, string>>,
  overrides: Overrides = {},
): Promise<Kith> => {
  const config = configFrom({ JWT_SECRET: 'a secret of the tests, 40 characters long', ...variables });
  const kith = await compose(config, { log: silentLog, hasher: quickHasher, ...overrides });
  onTestFinished(() => kith.close());
  expect(await kith.ready()).toBe(true);
  return kith;
};

const openServer = async (): Promise<TestDatabase> => {
  const server = await createTestDatabase();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
};

/** An instance whose COMMITs get lost from the moment when `lose` is called. */
const startLosing = async (server: TestDatabase, fault: Fault) => {
  const proxy = await faultProxy(server.address);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const database = await openPostgres({ address: proxy.address }, silentLog);
  onTestFinished(() => database[Symbol.asyncDispose]());
  await untilReady(database);
  let loses = false;
  const transactions: Transactions = {
    run: (work, turn) =>
      database.transactions.run(async (transaction) => {
        const value = await work(transaction);
        if (loses) proxy.set(fault);
        return value;
      }, turn),
  };
  const kith = await start({}, { database: { ...database, transactions } });
  const lose = (): void => {
    loses = true;
  };
  return { kith, lose };
};

const onPglite = async (): Promise<Kith> => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return start({ DATA_DIR: directory });
};

const register = async (kith: Kith, username: string): Promise<UserId> => {
  const account = { email: `${username}@example.com`, username, password: 'correct horse battery staple' };
  const session = await kith.useCases.register(account);
  if (!session.ok) throw new Error(session.error.code);
  return session.value.user.id;
};

const totalOf = async ({ useCases }: Kith, id: UserId): Promise<number> => {
  const page = await useCases.listContacts(id, {}, 'authoritative');
  if (!page.ok) throw new Error(page.error.code);
  return page.value.value.total;
};

/** Each contact once, however often and by whichever instance it is added. */
const expectOnce = async (first: Kith, second: Kith): Promise<void> => {
  const [ada, eve] = [await register(first, 'ada'), await register(first, 'eve')];
  const add = (kith: Kith, id: UserId) => kith.useCases.addContact(id, grace, key);
  const answers = await Promise.all([first, second, first, second].map((kith) => add(kith, ada)));
  answers.push(await add(first, ada), await add(second, ada));
  expect(answers[0]).toMatchObject({ ok: true, value: { ownerId: ada, firstName: 'Grace', version: 1 } });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(await totalOf(second, ada)).toBe(1);
  expect(await second.useCases.addContact(ada, { firstName: 'Ada' }, key)).toEqual({
    ok: false,
    error: { code: 'idempotency-key-reused' },
  });
  expect(await add(second, eve)).toMatchObject({ ok: true, value: { ownerId: eve } });
  expect(await totalOf(first, eve)).toBe(1);
};

it('makes one contact of many requests at two instances on PostgreSQL, for a day', async () => {
  const server = await openServer();
  const variables = { DATABASE_URL: urlOf(server.address) };
  const [first, second] = [await start(variables), await start(variables)];
  await expectOnce(first, second);
  const kept = await server.query('select * from idempotency_keys');
  expect(kept).toHaveLength(2);
  // Neither the key nor what was sent can be read from it.
  expect(JSON.stringify(kept)).not.toMatch(/0b9a3c1e|Grace|1701234567/);
  const hashes = kept.flatMap(({ key_hash: ofKey, draft_hash: ofDraft }) => [ofKey, ofDraft]);
  for (const hash of hashes) expect(hash).toMatch(/^[\w-]{43}$/);

  const age = (by: string) =>
    server.query(`update idempotency_keys set used_at = used_at - interval '${by}'`);
  const ada = await register(first, 'bea');
  const added = await first.useCases.addContact(ada, grace, key);
  await age('23 hours');
  expect(await second.useCases.addContact(ada, grace, key)).toEqual(added);
  await age('1 hour');
  expect(await second.useCases.addContact(ada, grace, key)).not.toEqual(added);
  expect(await totalOf(second, ada)).toBe(2);
}, 60_000);

it('makes one contact of many requests on PGlite', async () => {
  const kith = await onPglite();
  await expectOnce(kith, kith);
}, 120_000);

it.each(['cut-before-commit', 'cut-after-commit'] as const)(
  'lets a client send again what it does not know the outcome of (%s)',
  async (fault) => {
    const server = await openServer();
    const first = await startLosing(server, fault);
    const second = await start({ DATABASE_URL: urlOf(server.address) });
    const ada = await register(second, 'ada');
    first.lose();
    const lost = first.kith.useCases.addContact(ada, grace, key);
    await expect(lost).rejects.toBeInstanceOf(OutcomeUnknown);
    // It is there, or it is not: nobody was told.
    expect(await totalOf(second, ada)).toBe(fault === 'cut-after-commit' ? 1 : 0);
    const answer = await second.useCases.addContact(ada, grace, key);
    expect(answer).toMatchObject({ ok: true, value: { firstName: 'Grace', version: 1 } });
    if (!answer.ok) throw new Error(answer.error.code);
    expect(await totalOf(second, ada)).toBe(1);
    const found = await second.useCases.getContact(ada, answer.value.id, 'authoritative');
    expect(found).toMatchObject({ ok: true, value: { value: answer.value } });
    // As it could not be without a key.
    await second.useCases.addContact(ada, grace);
    expect(await totalOf(second, ada)).toBe(2);
  },
  60_000,
);
