import { type RawBuilder, sql } from 'kysely';
import type { ContactPage, PageRequest } from '../../domain/contact.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { ContactRepository } from '../../domain/ports/persistence.ts';
import { contactColumns, parseContact, parseCount } from './rows.ts';
import type { Statements } from './statements.ts';

export const contactRepository = (statements: Statements): ContactRepository => {
  /** Items and total in one statement, so that both are of one moment; without items there is one row of the total. */
  const pageOf = async (
    ownerId: UserId,
    matching: RawBuilder<unknown>,
    { skip, limit }: PageRequest,
  ): Promise<ContactPage> => {
    const rows = await statements.read(
      sql`with matching as (select * from contacts where user_id = ${ownerId} and ${matching})
        select counted.total, items.* from (select count(*)::int as total from matching) counted
        left join (
          select ${sql.raw(contactColumns)}, created_at from matching
          order by created_at desc, id desc limit ${limit} offset ${skip}
        ) items on true
        order by items.created_at desc, items.id desc`,
    );
    const total = parseCount(rows[0]);
    const items = skip < total && limit > 0 ? rows.map(parseContact) : [];
    return { ownerId, items, total, skip, limit };
  };

  return {
    async find(ownerId, id) {
      const rows = await statements.read(
        sql`select ${sql.raw(contactColumns)} from contacts where id = ${id} and user_id = ${ownerId}`,
      );
      return rows.map(parseContact)[0];
    },

    page(ownerId, request) {
      return pageOf(ownerId, sql`true`, request);
    },

    search(ownerId, text, request) {
      const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
      return pageOf(
        ownerId,
        sql`(concat_ws(' ', first_name, last_name) ilike ${pattern}
          or email ilike ${pattern} or phone ilike ${pattern})`,
        request,
      );
    },
  };
};
