import { type RawBuilder, sql } from 'kysely';
import type { IdentifierTaken } from '../../domain/failures.ts';
import type { ContactTransaction, Transaction, UserTransaction } from '../../domain/ports/persistence.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { parseXid } from '../../domain/snapshot.ts';
import { countStatement } from './contacts.ts';
import { violatedIndex } from './faults.ts';
import { idempotencyKeysIn } from './idempotency-keys.ts';
import { field } from './log-answers.ts';
import { parseCount } from './row.ts';
import { assignments, insertInto, type TransactionStatements } from './statements.ts';
import { contactColumns, contactRow, parseContact } from './tables/contacts.ts';
import { accountColumns, accountRow, parseAccount, parseUserIdRow } from './tables/users.ts';

/** What a use case may do in a transaction, in SQL. */
export const transactionPort = (statements: TransactionStatements): Transaction => ({
  users: usersIn(statements),
  contacts: contactsIn(statements),
  idempotencyKeys: idempotencyKeysIn(statements),
  async xid() {
    const [row] = await statements.rows(sql`select pg_current_xact_id()::text as xid`);
    const xid = parseXid(field(row, 'xid'));
    if (xid === undefined) throw new Error('the transaction has no id that can be read');
    return xid;
  },
});

const usersIn = (statements: TransactionStatements): UserTransaction => ({
  async lock(id) {
    const rows = await statements.rows(
      sql`select ${sql.raw(accountColumns)} from users where id = ${id} for update`,
    );
    return rows.map(parseAccount)[0];
  },

  async lockAdmins(beside) {
    // Rows are locked as they come out of the sort.
    const rows = await statements.lock(
      sql`select id, role = 'admin' and is_active as is_admin from users
        where role = 'admin' and is_active or id = ${beside ?? null} order by id for update`,
    );
    return rows.filter((row) => field(row, 'is_admin') === true).map(parseUserIdRow);
  },

  insert: (account) => claim(statements, insertInto('users', accountRow(account))),

  update: (account) =>
    claim(
      statements,
      sql`update users set ${assignments(accountRow(account))} where id = ${account.user.id}`,
    ),
});

/** Writes the one row of a user, whose identifiers the unique indexes may refuse. */
const claim = async (
  statements: TransactionStatements,
  statement: RawBuilder<unknown>,
): Promise<Result<undefined, IdentifierTaken>> => {
  const outcome = await statements.change(statement, takenIdentifier);
  if (typeof outcome === 'object') return fail(outcome);
  expectOne(outcome);
  return ok(undefined);
};

const takenIdentifier = (error: unknown): IdentifierTaken | undefined => {
  switch (violatedIndex(error)) {
    case 'users_email_unique':
      return { code: 'email-taken' };
    case 'users_username_unique':
      return { code: 'username-taken' };
    case 'users_phone_unique':
      return { code: 'phone-taken' };
    default:
      return undefined;
  }
};

const contactsIn = (statements: TransactionStatements): ContactTransaction => ({
  async find(ownerId, id) {
    const rows = await statements.rows(
      sql`select ${sql.raw(contactColumns)} from contacts where id = ${id} and user_id = ${ownerId} for update`,
    );
    return rows.map(parseContact)[0];
  },

  async count(ownerId) {
    const [row] = await statements.rows(countStatement(ownerId));
    return parseCount(row);
  },

  async insert(contact) {
    await statements.change(insertInto('contacts', contactRow(contact)));
  },

  async update(contact) {
    const changed = await statements.change(
      sql`update contacts set ${assignments(contactRow(contact))}
        where id = ${contact.id} and user_id = ${contact.ownerId}`,
    );
    expectOne(changed);
  },

  async delete(ownerId, id) {
    await statements.change(sql`delete from contacts where id = ${id} and user_id = ${ownerId}`);
  },
});

/** An update that finds no row would be a lost write. The caller has locked the row, so this is a mistake of ours. */
const expectOne = (changed: number): void => {
  if (changed !== 1) throw new Error('the row to be changed does not exist');
};
