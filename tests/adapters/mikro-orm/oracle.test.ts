import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import type { ContactId, UserId } from '../../../domain/identifiers.ts';
import type { Database, Transaction } from '../../../domain/ports/persistence.ts';
import type { User } from '../../../domain/user.ts';
import {
  account,
  contact,
  contactId,
  contactSearch,
  email,
  phone,
  userId,
  username,
} from '../../support/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { openNews, silentLog, untilReady } from './support.ts';

/** A step that is done to both databases and answers something comparable; few names, so that they clash often. */
type Step = { readonly name: string; readonly run: (transaction: Transaction) => Promise<unknown> };

const users = fc.integer({ min: 1, max: 4 });
const contacts = fc.integer({ min: 1, max: 5 });
const identifiers: fc.Arbitrary<Partial<User>> = fc.record({
  email: fc.integer({ min: 1, max: 4 }).map((n) => email(`e${n}@example.com`)),
  username: fc.integer({ min: 1, max: 4 }).map((n) => username(`name${n}`)),
  phone: fc.constantFrom(null, phone('+49123451'), phone('+49123452'), phone('+49123453')),
  role: fc.constantFrom('user', 'admin'),
  isActive: fc.boolean(),
});

const withOwner = async (
  transaction: Transaction,
  owner: UserId,
  work: () => Promise<unknown>,
): Promise<unknown> => ((await transaction.users.lock(owner)) === undefined ? 'no such user' : work());

const putUser = (n: number, fields: Partial<User>): Step => ({
  name: `put user ${n}`,
  async run({ users }) {
    const locked = await users.lock(userId(n));
    if (locked === undefined) return users.insert(account(n, fields));
    return users.update({ ...locked, user: { ...locked.user, ...fields, version: locked.user.version + 1 } });
  },
});

const putContact = (n: number, id: ContactId): Step => ({
  name: `put contact ${id} of ${n}`,
  run: (transaction) =>
    withOwner(transaction, userId(n), async () => {
      const found = await transaction.contacts.find(userId(n), id);
      if (found !== undefined) await transaction.contacts.update({ ...found, version: found.version + 1 });
      else await transaction.contacts.insert({ ...contact(1, userId(n)), id });
      return transaction.contacts.count(userId(n));
    }),
});

const deleteContact = (n: number, id: ContactId): Step => ({
  name: `delete contact ${id} of ${n}`,
  run: (transaction) => withOwner(transaction, userId(n), () => transaction.contacts.delete(userId(n), id)),
});

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(users, identifiers).map(([n, fields]) => putUser(n, fields)),
  // The id depends on the owner: an id that another owner has is a mistake of the caller, tested elsewhere.
  fc.tuple(users, contacts).map(([n, c]) => putContact(n, contactId(n * 10 + c))),
  fc.tuple(users, contacts).map(([n, c]) => deleteContact(n, contactId(n * 10 + c))),
  fc.constant<Step>({ name: 'lock admins', run: ({ users }) => users.lockAdmins() }),
  fc.constant<Step>({ name: 'ask for its name', run: (transaction) => transaction.xid().then(() => 'told') }),
  fc.constant<Step>({ name: 'give up', run: () => Promise.reject(new Error('gave up')) }),
);

/** What each step answered, and how the transaction ended; a refused identifier ends it, as it must. */
const play = async (database: Database, transaction: readonly Step[]): Promise<unknown> => {
  const answers: unknown[] = [];
  const ended = database.transactions.run(async (port) => {
    for (const step of transaction) {
      const answer = await step.run(port);
      answers.push(answer);
      if (JSON.stringify(answer)?.includes('-taken')) throw new Error('taken');
    }
  });
  answers.push(
    await ended.then(
      () => 'committed',
      (error: unknown) => (error instanceof Error ? error.message : 'unknown'),
    ),
  );
  return answers;
};

/** Everything that can be read, in an order of its own where the port has none. */
const observe = async (database: Database, news: () => Promise<readonly string[]>): Promise<unknown> => {
  const ids = [1, 2, 3, 4].map(userId);
  const found = await database.users.findMany(ids.map((value) => ({ kind: 'id', value }) as const));
  const pages = await Promise.all(ids.map((id) => database.contacts.page(id, { skip: 1, limit: 3 })));
  const matches = await Promise.all(
    ids.map((id) => database.contacts.search(id, contactSearch('first'), { skip: 0, limit: 3 })),
  );
  const byEmail = await Promise.all(
    [1, 2, 3, 4].map((n) => database.users.find({ kind: 'email', value: email(`e${n}@example.com`) })),
  );
  const admins = await database.users.countAdmins();
  return {
    users: found.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    byEmail,
    pages,
    matches,
    log: (await news()).toSorted(),
    admins,
  };
};

describe('the database in memory as the oracle of PostgreSQL', () => {
  let server: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    server = await createTestDatabase();
    database = await openPostgres({ address: server.address }, silentLog);
    await untilReady(database);
  }, 30_000);
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('for all sequences of transactions: both answer the same and hold the same, the log included', async () => {
    const transactions = fc.array(fc.array(steps, { minLength: 1, maxLength: 5 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(transactions, async (sequence) => {
        await server.query('truncate users cascade');
        const oracle = memoryDatabase();
        const [news, expected] = [await openNews(database), await openNews(oracle)];
        for (const transaction of sequence) {
          expect(await play(database, transaction)).toEqual(await play(oracle, transaction));
        }
        expect(await observe(database, news)).toEqual(await observe(oracle, expected));
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
