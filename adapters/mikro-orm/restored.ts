import { sql } from 'kysely';
import { toFault } from './faults.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { atPrimary, connect, examineLimits, tlsOptions } from './postgres-pool.ts';

/**
 * Gives the log a new epoch, after which nobody believes a value that was cached before; whether there was an epoch to
 * replace. Without one the log begins anew at the next start anyway. Needs `update` on `log_state`, which who serves has.
 */
export const renewEpochOf = async (address: PostgresAddress): Promise<boolean> => {
  let orm: ReturnType<typeof connect> | undefined;
  try {
    const ssl = await tlsOptions(address.tls);
    orm = connect(await atPrimary(address, ssl), ssl, examineLimits);
    const renewed = sql`update log_state set epoch = default returning epoch`;
    return (await renewed.execute(orm.em.getKysely<unknown>())).rows.length > 0;
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm?.close(true);
  }
};
