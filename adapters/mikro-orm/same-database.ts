import { randomBytes } from 'node:crypto';
import { place } from './change-log.ts';
import { ask, type PgClient } from './postgres-driver.ts';

/**
 * Whether two connections lead to the same database of the same running server. Its names do not tell: a copy of the files
 * has the system identifier, the oid and, if it was made of a stopped server, the epoch of the log as well. So `one` takes an
 * advisory lock under a key of chance, which `other` finds taken only where both are in one database. Nobody needs a right
 * for that, and it changes nothing. Plain texts, for a pooler may stand in between. Rejects with the driver's error.
 */
export const leadToOne = async (one: PgClient, other: PgClient): Promise<boolean> => {
  const key = `'${randomBytes(8).readBigInt64BE()}'::bigint`;
  await one.query('begin');
  try {
    const held = await ask(one, `select ${place} as place, pg_advisory_xact_lock(${key})`);
    // A pooler that sends reads to standbys answers from elsewhere, by names that are the same.
    const isTaken = `pg_is_in_recovery() or not pg_try_advisory_xact_lock(${key})`;
    const found = await ask(other, `select ${place} as place, ${isTaken} as is_taken`);
    return found['place'] === held['place'] && found['is_taken'] === true;
  } finally {
    await one.query('rollback').catch(() => undefined);
  }
};
