import { sql } from 'kysely';
import type { Invalidation, Journal } from '../../domain/ports/persistence.ts';
import { parseCount, parseJournalRow } from './rows.ts';
import type { Statements } from './statements.ts';

/** The channel on which the trigger of cache_journal wakes every instance. */
export const journalChannel = 'kith_journal';

export const journalOf = (statements: Statements, listen: Journal['listen']): Journal => ({
  async pending(maxRows) {
    const rows = await statements.read(
      sql`select id::text, kind, user_id, contact_id from cache_journal order by cache_journal.id limit ${maxRows}`,
    );
    return rows.map(parseJournalRow);
  },

  async remove(ids) {
    if (ids.length === 0) return;
    await statements.write(sql`delete from cache_journal where id = any(${ids}::bigint[])`);
  },

  async append(invalidations) {
    if (invalidations.length === 0) return;
    const rows = invalidations.map((invalidation) => sql`(${sql.join(valuesOf(invalidation))})`);
    await statements.write(
      sql`insert into cache_journal (kind, user_id, contact_id) values ${sql.join(rows)}`,
    );
  },

  async count() {
    const [row] = await statements.read(sql`select count(*)::int as total from cache_journal`);
    return parseCount(row);
  },

  listen,
});

const valuesOf = (invalidation: Invalidation): readonly (string | null)[] => {
  switch (invalidation.kind) {
    case 'everything':
      return [invalidation.kind, null, null];
    case 'user':
      return [invalidation.kind, invalidation.userId, null];
    case 'contact':
      return [invalidation.kind, invalidation.ownerId, invalidation.contactId];
  }
};
