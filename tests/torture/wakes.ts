import type { PgPool } from '../../adapters/mikro-orm/postgres-driver.ts';
import { listenOnPostgres } from '../../adapters/mikro-orm/postgres-listener.ts';
import { connect } from '../../adapters/mikro-orm/postgres-pool.ts';
import { settingsOf, settle } from '../../adapters/mikro-orm/session.ts';

/** When a writer woke the others, because its fences had not been confirmed; or may have done so unheard. */
export interface Wakes extends AsyncDisposable {
  readonly atMs: readonly number[];
}

const limits = {
  poolConnections: 1,
  connectionTimeoutMs: 2000,
  statementTimeoutMs: 2000,
  queryTimeoutMs: 2500,
  lockTimeoutMs: 1000,
  idleInTransactionTimeoutMs: 5000,
};

/** Listens as a server does. */
export const openWakes = async (port: number): Promise<Wakes> => {
  const address = { host: '127.0.0.1', port, user: 'postgres', password: null, database: 'postgres' };
  const orm = connect({ ...address, tls: { mode: 'off' } }, false, limits);
  const pool: PgPool = await orm.driver.getConnection().getNativeClient();
  const atMs: number[] = [];
  const quiet = { info() {}, warn() {}, error() {} };
  const listening = await listenOnPostgres(
    async () => {
      const client = new pool.Client(pool.options);
      const settings = settingsOf(limits, undefined);
      await client.connect();
      await settle(client, { pooling: 'none', settings, queryTimeoutMs: limits.queryTimeoutMs });
      return client;
    },
    () => void atMs.push(performance.now()),
    quiet,
  );
  return {
    atMs,
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]();
      await orm.close(true);
    },
  };
};
