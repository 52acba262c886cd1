import { type RawBuilder, sql } from 'kysely';
import type { ContactPage, ContactSearch, PageRequest } from '../../domain/contact.ts';
import type { ContactPosition } from '../../domain/cursor.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { ContactRepository } from '../../domain/ports/persistence.ts';
import type { LeftOut } from './left-out.ts';
import { parseCount, Row } from './row.ts';
import { columnsAnd, type Statements } from './statements.ts';
import { contactColumns, parseContact } from './tables/contacts.ts';

export const contactRepository = (statements: Statements, leftOut: LeftOut): ContactRepository => ({
  async find(ownerId, id) {
    return (await statements.read(contactStatement(ownerId, id))).map(parseContact)[0];
  },

  async page(ownerId, request) {
    return pageIn(await statements.read(pageStatement(ownerId, request)), ownerId, request, leftOut);
  },

  async search(ownerId, wanted, request) {
    return pageIn(
      await statements.read(searchStatement(ownerId, wanted, request)),
      ownerId,
      request,
      leftOut,
    );
  },
});

export const contactStatement = (ownerId: UserId, id: ContactId, also?: string): RawBuilder<unknown> =>
  sql`select ${columnsAnd(contactColumns, also)} from contacts where id = ${id} and user_id = ${ownerId}`;

/** The kept count (contact-lists.ts), which is of the same snapshot as everything else in the statement. */
export const countStatement = (ownerId: UserId): RawBuilder<unknown> =>
  sql`select coalesce(sum(total), 0)::int as total from contact_counts where user_id = ${ownerId}`;

/** Items and total in one statement, so that both are of one moment; without items there is one row of the total. */
export const pageStatement = (ownerId: UserId, request: PageRequest, also?: string): RawBuilder<unknown> =>
  sql`select ${columnsAnd('counted.total, items.*', also)} from (${countStatement(ownerId)}) counted
    left join (
      select ${sql.raw(contactColumns)}, created_at from contacts
      where user_id = ${ownerId} and ${isBehind(request.after, 'id')} ${newestFirst(request, 'id')}
    ) items on true
    order by items.created_at desc, items.id desc`;

/** What matches is found in one pass over the owner's part of one index; then the contacts of the page are read. */
export const searchStatement = (
  ownerId: UserId,
  { words, digits }: ContactSearch,
  request: PageRequest,
): RawBuilder<unknown> => {
  const patterns = words.map((word) => `%${word.replace(/[\\%_]/g, '\\$&')}%`);
  const hasWords = patterns.length > 0 ? sql`folded like all (${patterns}::text[])` : sql`false`;
  // The phone is in a line of its own.
  const hasDigits = digits === undefined ? sql`false` : sql`folded like ${`%\n%${digits}%`}`;
  return sql`with matching as materialized (
      select created_at, contact_id from (
        select created_at, contact_id, coalesce(folded, (
          select kith_searched_text(first_name, last_name, organization, email, phone) from contacts where id = contact_id
        )) as folded from contact_search where user_id = ${ownerId}
      ) searched where ${hasWords} or ${hasDigits}
    )
    select counted.total, items.* from (select count(*)::int as total from matching) counted
    left join (
      select ${sql.raw(contactColumns)}, created_at from contacts join (
        select contact_id from matching
        where ${isBehind(request.after, 'contact_id')} ${newestFirst(request, 'contact_id')}
      ) page on id = contact_id where user_id = ${ownerId}
    ) items on true
    order by items.created_at desc, items.id desc`;
};

const isBehind = (after: ContactPosition | null | undefined, id: 'id' | 'contact_id'): RawBuilder<unknown> =>
  after === undefined || after === null
    ? sql`true`
    : sql`(created_at, ${sql.ref(id)}) < (${momentOf(after.createdAtMs)}, ${after.id}::uuid)`;

/** Rounded as the column is: a number of seconds has no exact milliseconds. */
const momentOf = (ms: number): RawBuilder<unknown> =>
  sql`to_timestamp(${String(ms)}::text::float8 / 1000)::timestamptz(3)`;

/** One more than the page has, which tells whether there is a next one. */
const newestFirst = ({ skip, limit }: PageRequest, id: 'id' | 'contact_id'): RawBuilder<unknown> =>
  sql`order by created_at desc, ${sql.ref(id)} desc limit ${limit + 1} offset ${skip ?? 0}`;

export const pageIn = (
  rows: readonly unknown[],
  ownerId: UserId,
  { skip = null, after = null, limit }: PageRequest,
  leftOut: LeftOut,
): ContactPage => {
  const found = rows.filter((row) => new Row('contacts', row).nullable('id', () => true));
  const items = found.slice(0, limit);
  const next = found.length > limit ? positionOf(items.at(-1)) : null;
  return {
    ownerId,
    items: leftOut.readable(items, parseContact),
    total: parseCount(rows[0]),
    skip,
    after,
    limit,
    next,
  };
};

const positionOf = (input: unknown): ContactPosition => {
  const row = new Row('contacts', input);
  return { createdAtMs: row.exactTime('created_at_ms'), id: row.text<ContactId>('id') };
};
