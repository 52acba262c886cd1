import { afterAll, beforeAll, describe } from 'vitest';
import type { Database } from '../../domain/ports/persistence.ts';
import { attemptsContract } from './persistence-attempts.ts';
import { contactsContract } from './persistence-contacts.ts';
import { idempotencyContract } from './persistence-idempotency.ts';
import { logContract } from './persistence-log.ts';
import { proofsContract } from './persistence-proofs.ts';
import { transactionsContract } from './persistence-transactions.ts';
import { usersContract } from './persistence-users.ts';

/**
 * What every primary database behind Kith must do. `open` is called once and must give an empty one with nobody else in
 * it; the suite disposes it. Run it over an adapter of your own:
 *
 * ```ts
 * describePersistence('my database', () => openMine());
 * ```
 */
export const describePersistence = (name: string, open: () => Promise<Database>): void => {
  describe(`persistence: ${name}`, () => {
    let opened: Database | undefined;
    const database = (): Database => {
      if (opened === undefined) throw new Error('the database is not open');
      return opened;
    };
    beforeAll(async () => {
      opened = await open();
    }, 60_000);
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
    }, 60_000);

    usersContract(database);
    contactsContract(database);
    transactionsContract(database);
    idempotencyContract(database);
    logContract(database);
    proofsContract(database);
    attemptsContract(database);
  });
};
