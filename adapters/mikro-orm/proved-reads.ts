import { sql } from 'kysely';
import type { ContactPage } from '../../domain/contact.ts';
import type { Proof, Proved } from '../../domain/ports/change-log.ts';
import type { ProvedReads } from '../../domain/ports/persistence.ts';
import { formatSnapshot, parseSnapshot } from '../../domain/snapshot.ts';
import { contactStatement, pageIn, pageStatement } from './contacts.ts';
import type { LeftOut } from './left-out.ts';
import { field } from './log-answers.ts';
import type { Statements } from './statements.ts';
import { parseContact } from './tables/contacts.ts';
import { parseUser } from './tables/users.ts';
import { userByText, usersStatement } from './users.ts';

/** The reads of the repositories, each with the proof in the same statement. */
export const provedReads = (statements: Statements, leftOut: LeftOut): ProvedReads => ({
  async user({ kind, value }) {
    const [row] = await statements.readText(userByText[kind], [value]);
    return row === undefined ? undefined : { value: parseUser(row), proof: proofIn(row) };
  },

  async users(keys) {
    if (keys.length === 0) return { value: [], proof: undefined };
    const rows = await statements.read(usersStatement(keys, proof));
    return { value: leftOut.readable(rows, parseUser), proof: proofIn(rows[0]) };
  },

  async contact(ownerId, id) {
    const [row] = await statements.read(contactStatement(ownerId, id, proof));
    return row === undefined ? undefined : { value: parseContact(row), proof: proofIn(row) };
  },

  async page(ownerId, request): Promise<Proved<ContactPage>> {
    const rows = await statements.read(pageStatement(ownerId, request, proof));
    return { value: pageIn(rows, ownerId, request, leftOut), proof: proofIn(rows[0]) };
  },

  async proof() {
    const [row] = await statements.read(sql`select ${sql.raw(proof)}`);
    return proofIn(row);
  },

  async isChanged(since, { source, key }) {
    const [row] = await statements.readText(isChangedText, [formatSnapshot(since), source, key]);
    return { value: field(row, 'changed') === true, proof: proofIn(row) };
  },
});

/** Once a statement, and of its snapshot (0003-change-log). */
export const proof = '(select kith_proof()) as proof';

/**
 * What ended since a snapshot ($1) is found as by a check (change-log.ts). A key of several parts is heard under its first
 * part, too; a row without a key may be of any.
 */
const isChangedText = `select ${proof}, exists (
  select from (
    select source, key from change_log where xid >= pg_snapshot_xmax($1::pg_snapshot)
    union all
    select source, key from change_log where xid = any(array(select pg_snapshot_xip($1::pg_snapshot)))
  ) changes
  where source = $2 and (key is null or key = $3::text or starts_with(key, $3::text || ':'))
) as changed`;

/** A proof that cannot be read is none. */
const proofIn = (row: unknown): Proof | undefined => {
  const text = field(row, 'proof');
  if (typeof text !== 'string') return undefined;
  const space = text.indexOf(' ');
  const snapshot = parseSnapshot(text.slice(space + 1));
  return snapshot && { epoch: text.slice(0, space), snapshot };
};
