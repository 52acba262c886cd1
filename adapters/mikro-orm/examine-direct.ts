import { isNotified, keepsSession } from './examine.ts';
import { toFault } from './faults.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { ask, boundQueries, type PgClient, type PgPool } from './postgres-driver.ts';
import { atPrimary, connect, examineLimits, tlsOptions } from './postgres-pool.ts';
import { leadToOne } from './same-database.ts';

/** What can be known of the way past a pooler. */
export type DirectFacts = {
  /** Whether it leads to the same running server and database as the other way, and not to a copy. */
  readonly isSame: boolean;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  /** Whether a connection is one session: what is set in it is still set in the next statement. */
  readonly keepsSession: boolean;
  readonly notifies: boolean;
};

/** Changes nothing. Throws a fault if either does not answer. */
export const examineDirect = async (
  address: PostgresAddress,
  direct: PostgresAddress,
): Promise<DirectFacts> => {
  await using there = await openClients(address);
  await using here = await openClients(direct);
  const client = await here.connect();
  const { is_standby, read_only } = await ask(client, roleStatement);
  return {
    isSame: await leadToOne(client, await there.connect()),
    isStandby: is_standby === true,
    isReadOnly: read_only === 'on',
    keepsSession: await keepsSession(here.make),
    notifies: await isNotified(here.make).catch(() => false),
  };
};

const roleStatement = `select pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') as read_only`;

const openClients = async (address: PostgresAddress) => {
  const ssl = await tlsOptions(address.tls);
  const orm = connect(await atPrimary(address, ssl).catch(() => address), ssl, examineLimits);
  const pool: PgPool = await orm.driver.getConnection().getNativeClient();
  const open: PgClient[] = [];
  const make = (): PgClient => boundQueries(new pool.Client(pool.options), examineLimits.queryTimeoutMs);
  return {
    make,
    async connect(): Promise<PgClient> {
      const client = make();
      client.on('error', () => undefined);
      open.push(client);
      try {
        await client.connect();
        return client;
      } catch (error) {
        throw toFault(error);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of open) client.connection.stream.destroy();
      await orm.close(true);
    },
  };
};
