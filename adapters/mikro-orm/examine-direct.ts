import { isNotified } from './examine.ts';
import { toFault } from './faults.ts';
import { ask, boundQueries, type PgClient, type PgPool } from './postgres-driver.ts';
import { connect, examineLimits, tlsOptions } from './postgres-pool.ts';
import type { PostgresAddress } from './postgres-url.ts';
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
    keepsSession: await keepsSession(client, await here.connect()),
    notifies: await isNotified(here.make).catch(() => false),
  };
};

const roleStatement = `select pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') as read_only`;

/** A pooler in transaction mode gives one of them another session while the other is in a transaction. */
const keepsSession = async (client: PgClient, other: PgClient): Promise<boolean> => {
  const pidOf = async (asked: PgClient): Promise<unknown> =>
    (await ask(asked, 'select pg_backend_pid() as pid'))['pid'];
  const before = await pidOf(client);
  await other.query('begin');
  await pidOf(other);
  const after = await pidOf(client);
  await other.query('rollback');
  return before === after;
};

const openClients = async (address: PostgresAddress) => {
  const orm = connect(address, await tlsOptions(address.tls), examineLimits);
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
