import { sql } from 'kysely';
import { idempotencyLimits } from '../../domain/idempotency.ts';
import type { IdempotencyKeyTransaction } from '../../domain/ports/persistence.ts';
import { interval, timeOf } from './server-time.ts';
import type { TransactionStatements } from './statements.ts';
import { parseUsedKey, usedKeyColumns, usedKeyRow } from './tables/idempotency-keys.ts';

const { countsForMs, maxPerOwner } = idempotencyLimits;

/** The owner's lock is what makes this right: nobody else reads or writes the owner's rows meanwhile. */
export const idempotencyKeysIn = (statements: TransactionStatements): IdempotencyKeyTransaction => ({
  async find(ownerId, keyHash, atMs) {
    const counts = sql`used_at > ${timeOf(atMs)} - ${interval(countsForMs)}`;
    const rows = await statements.rows(
      sql`with expired as (
          delete from idempotency_keys where user_id = ${ownerId} and not ${counts}
        )
        select ${sql.raw(usedKeyColumns)} from idempotency_keys
        where user_id = ${ownerId} and key_hash = ${keyHash} and ${counts}`,
    );
    return rows.map(parseUsedKey)[0];
  },

  async keep(used, atMs) {
    const row = { ...usedKeyRow(used), used_at: timeOf(atMs) };
    // The deletion does not see the new row, so that stays even if clocks were set back and all others are newer.
    await statements.change(
      sql`with oldest as (
          delete from idempotency_keys where user_id = ${used.ownerId} and key_hash in (
            select key_hash from idempotency_keys where user_id = ${used.ownerId}
            order by used_at desc, key_hash offset ${sql.lit(maxPerOwner - 1)})
        )
        insert into idempotency_keys (${sql.join(Object.keys(row).map((name) => sql.ref(name)))})
        values (${sql.join(Object.values(row))})`,
    );
  },
});
