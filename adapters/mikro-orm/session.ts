/**
 * SESSION: how a connection is told its limits and its search path.
 *
 * Not as startup parameters, which poolers refuse. Where a connection is a session, they are set once after it was made.
 * Behind a pooler in transaction mode nothing that is set outlives a transaction, and what did would be met by other clients
 * of the pooler. There every transaction begins with them, and a single statement is a transaction, of three round trips
 * instead of one: without limits of the server, a statement that waits for a lock would go on after its caller has left.
 */
import { Unreachable } from './faults.ts';
import type { Pooling } from './postgres-address.ts';
import { ask, boundQueries, type PgClient } from './postgres-driver.ts';

/** Parameters of the server, by name. */
export type Settings = Readonly<Record<string, string>>;

/** Bounds of the server's own waits, in milliseconds; 0: none. */
export type ServerLimits = {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
};

export const settingsOf = (limits: ServerLimits, schema: string | undefined): Settings => ({
  statement_timeout: `${limits.statementTimeoutMs}`,
  lock_timeout: `${limits.lockTimeoutMs}`,
  idle_in_transaction_session_timeout: `${limits.idleInTransactionTimeoutMs}`,
  // Others refuse writes that would only wait.
  default_transaction_isolation: 'read committed',
  ...searchPathOf(schema),
});

/** Temporary tables come last: by default they come first, and one of a session's own would take the place of ours. */
export const searchPathOf = (schema: string | undefined): Settings =>
  schema === undefined ? {} : { search_path: `"${schema.replaceAll('"', '""')}", pg_temp` };

export type SessionNeeds = {
  readonly pooling: Pooling;
  readonly settings: Settings;
  /** Of each statement, in milliseconds; behind a pooler of each with what goes before and after it. */
  readonly queryTimeoutMs: number;
};

/** To be called before the first statement of a client. Rejects with the driver's error. */
export const settle = async (
  client: PgClient,
  { pooling, settings, queryTimeoutMs }: SessionNeeds,
): Promise<void> => {
  askPrimary(client);
  if (pooling === 'transaction') beginWith(client, assignments(settings, 'local'));
  boundQueries(client, queryTimeoutMs);
  const text = assignments(settings, 'session');
  if (pooling === 'none' && text !== '') await client.query(text);
};

/**
 * What a standby answers is late by any time, and its snapshots lack what is in progress: no cache may be filled from it.
 * `alsoWrites`: one that takes no writes will not do either, where there are others.
 */
export const mustBePrimary = async (client: PgClient, alsoWrites = false): Promise<void> => {
  const { is_standby, read_only } = await ask(
    client,
    `select pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') as read_only`,
  );
  if (is_standby === true) throw new Unreachable('the database is a standby');
  if (alsoWrites && read_only === 'on') throw new Unreachable('the database takes no writes');
};

/** Pgpool-II gives a read to any standby, unless its text says this. For everybody else it is a comment. */
const forPrimary = '/*NO LOAD BALANCE*/ ';

export const askPrimary = (client: PgClient): void => {
  const query = client.query.bind(client);
  client.query = (text, values) =>
    typeof text === 'string'
      ? query(forPrimary + text, values)
      : query({ ...text, text: forPrimary + text.text }, values);
};

const assignments = (settings: Settings, scope: 'session' | 'local'): string =>
  Object.entries(settings)
    .map(([name, value]) => `set ${scope} ${name} = ${name === 'search_path' ? value : `'${value}'`}`)
    .join('; ');

const begins = /^(begin|start transaction)\b/;
const beginAlone = 'begin isolation level read committed';

const beginWith = (client: PgClient, limits: string): void => {
  const send = client.query.bind(client);
  client.query = async (text, values) => {
    if (client.getTransactionStatus() !== 'I') return send(text, values);
    // Several statements in one text, so that a beginning is one way there and back.
    if (typeof text === 'string' && begins.test(text)) {
      await send(`${text}; ${limits}`);
      return { rows: [] };
    }
    await send(`${beginAlone}; ${limits}`);
    try {
      const result = await send(text, values);
      await send('commit');
      return result;
    } catch (error) {
      await send('rollback').catch(() => undefined);
      throw error;
    }
  };
};
