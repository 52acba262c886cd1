import { type RawBuilder, sql } from 'kysely';
import type { ContactPage, PageRequest } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { ContactRepository } from '../../domain/ports/persistence.ts';
import type { LeftOut } from './left-out.ts';
import { parseCount } from './row.ts';
import { columnsAnd, type Statements } from './statements.ts';
import { contactColumns, parseContact } from './tables/contacts.ts';

export const contactRepository = (statements: Statements, leftOut: LeftOut): ContactRepository => {
  const page = async (ownerId: UserId, matching: RawBuilder<unknown>, request: PageRequest) =>
    pageIn(await statements.read(pageStatement(ownerId, matching, request)), ownerId, request, leftOut);

  return {
    async find(ownerId, id) {
      return (await statements.read(contactStatement(ownerId, id))).map(parseContact)[0];
    },

    page: (ownerId, request) => page(ownerId, sql`true`, request),

    search(ownerId, { text, digits = text }, request) {
      const [pattern, number] = [text, digits].map((part) => `%${part.replace(/[\\%_]/g, '\\$&')}%`);
      return page(
        ownerId,
        sql`(concat_ws(' ', first_name, last_name, organization) ilike ${pattern}
          or email ilike ${pattern} or phone ilike ${pattern} or phone like ${number})`,
        request,
      );
    },
  };
};

export const contactStatement = (ownerId: UserId, id: ContactId, also?: string): RawBuilder<unknown> =>
  sql`select ${columnsAnd(contactColumns, also)} from contacts where id = ${id} and user_id = ${ownerId}`;

/** Items and total in one statement, so that both are of one moment; without items there is one row of the total. */
export const pageStatement = (
  ownerId: UserId,
  matching: RawBuilder<unknown>,
  { skip, limit }: PageRequest,
  also?: string,
): RawBuilder<unknown> =>
  sql`with matching as (select * from contacts where user_id = ${ownerId} and ${matching})
    select ${columnsAnd('counted.total, items.*', also)} from (select count(*)::int as total from matching) counted
    left join (
      select ${sql.raw(contactColumns)}, created_at from matching
      order by created_at desc, id desc limit ${limit} offset ${skip}
    ) items on true
    order by items.created_at desc, items.id desc`;

export const pageIn = (
  rows: readonly unknown[],
  ownerId: UserId,
  { skip, limit }: PageRequest,
  leftOut: LeftOut,
): ContactPage => {
  const total = parseCount(rows[0]);
  const items = skip < total && limit > 0 ? leftOut.readable(rows, parseContact) : [];
  return { ownerId, items, total, skip, limit };
};
