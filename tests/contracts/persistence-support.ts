import type { Contact } from '../../domain/contact.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { Database, Transaction } from '../../domain/ports/persistence.ts';
import type { Account, User } from '../../domain/user.ts';
import { account } from '../support/fixtures.ts';

/** Each test works on users of its own, so that no test depends on another; numbers start above those of admins. */
let lastNumber = 1000;
export const fresh = (fields: Partial<User> = {}): Account => account(++lastNumber, fields);
export const freshNumber = (): number => ++lastNumber;

export const store = async (
  database: Pick<Database, 'transactions'>,
  ...accounts: readonly Account[]
): Promise<void> => {
  await database.transactions.run(async ({ users }) => {
    for (const each of accounts) {
      const inserted = await users.insert(each);
      if (!inserted.ok) throw new Error(inserted.error.code);
    }
  });
};

/** Runs `change` on the locked user and stores what it returns, with the next version. */
export const change = (
  database: Pick<Database, 'transactions'>,
  id: UserId,
  fields: Partial<User>,
  before: (transaction: Transaction) => Promise<void> = async () => undefined,
): ReturnType<Transaction['users']['update']> =>
  database.transactions.run(async (transaction) => {
    const locked = await transaction.users.lock(id);
    if (locked === undefined) throw new Error('no such user');
    await before(transaction);
    const result = await transaction.users.update({
      ...locked,
      user: { ...locked.user, ...fields, version: locked.user.version + 1 },
    });
    if (!result.ok) throw new Refused(result.error.code);
    return result;
  });

/** Rolls the transaction back, as a caller must after a taken identifier. */
export class Refused extends Error {}

export const storeContacts = async (
  database: Pick<Database, 'transactions'>,
  ownerId: UserId,
  contacts: readonly Contact[],
): Promise<void> => {
  await database.transactions.run(async (transaction) => {
    await transaction.users.lock(ownerId);
    for (const each of contacts) await transaction.contacts.insert(each);
  });
};

/** A step that one side waits for and the other takes. */
export const gate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
};

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something that happens by itself, and fails when it has not in 3 s. */
export const eventually = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadlineMs = performance.now() + 3000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error('it did not happen within 3 s');
    await pause(5);
  }
};
