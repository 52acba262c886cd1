import { readFile } from 'node:fs/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { Secret } from '../../domain/secret.ts';
import { ormOptions } from './orm-options.ts';
import { waitInTurn } from './patience.ts';
import { type Host, hostsOf, type PostgresAddress, type Tls } from './postgres-address.ts';
import {
  noteAnswers,
  type PgClient,
  type PgPool,
  prepareQueries,
  survivingNonsense,
} from './postgres-driver.ts';
import { mustBePrimary, type ServerLimits, settingsOf, settle } from './session.ts';
import { namesFor } from './statement-name.ts';
import { discard, Way, type WayNeeds } from './way.ts';

/**
 * No wait in pg is bounded by default. `queryTimeoutMs` is the client's and fires when the server hangs; together with
 * the wait for a connection it stays under the 2 s within which a user is told that the database is away.
 */
export type PostgresLimits = ServerLimits & {
  readonly poolConnections: number;
  readonly connectionTimeoutMs: number;
  readonly queryTimeoutMs: number;
};

/** The deadlines of an instance that serves; how they relate to the others is in application/caching/limits.ts. */
export const databaseDeadlines: PostgresLimits = {
  poolConnections: 10,
  connectionTimeoutMs: 500,
  statementTimeoutMs: 1300,
  queryTimeoutMs: 1400,
  lockTimeoutMs: 1200,
  idleInTransactionTimeoutMs: 5000,
};

/** For an operator who looks or helps, and who waits longer than a user. */
export const examineLimits: PostgresLimits = {
  poolConnections: 1,
  connectionTimeoutMs: 3000,
  statementTimeoutMs: 5000,
  queryTimeoutMs: 6000,
  lockTimeoutMs: 1000,
  idleInTransactionTimeoutMs: 5000,
};

/** How long the making of a connection may take where nobody said otherwise: with TLS and SCRAM it is seven ways and back. */
export const defaultConnectTimeoutMs = 5000;

/**
 * Connections that are made at the start and kept: a first rush then waits for few to be made, each a process of the
 * server. Those beyond are closed after a minute of rest, instead of the ten seconds of pg, after which each rush is the
 * first.
 */
export const warmConnections = 3;
const idleTimeoutMs = 60_000;

/** What a pool is told by whoever serves users. */
export type Serving = {
  /** Called at each answer. */
  readonly answered: () => void;
  /** Where our tables are, once that is known. */
  readonly schema: () => string | undefined;
  /** Called once if connections turn out to be shared with others, as behind a pooler in transaction mode. */
  readonly shared: () => void;
  /** Rejects if a new connection is not to be lent. */
  readonly mustBeIt: (client: PgClient) => Promise<void>;
};

/** Makes the pool; nothing is sent before the first statement. Without `serving` a standby may be behind it. */
export const connect = (
  address: PostgresAddress,
  ssl: TlsOptions,
  limits: PostgresLimits,
  serving?: Serving,
): MikroORM => {
  const names = namesFor(address, serving?.shared);
  const { pooling = 'none' } = address;
  const onConnect = async (client: PgClient): Promise<void> => {
    const settings = settingsOf(limits, serving?.schema() ?? address.schema);
    await settle(client, { pooling, settings, queryTimeoutMs: limits.queryTimeoutMs });
    if (serving !== undefined) await mustBePrimary(client, address.others !== undefined);
    await serving?.mustBeIt(client);
    prepareQueries(client, names);
    if (serving !== undefined) noteAnswers(client, serving.answered);
  };
  return new MikroORM({
    ...ormOptions,
    host: address.host,
    port: address.port,
    dbName: address.database,
    ...(address.schema === undefined ? {} : { schema: address.schema }),
    user: address.user,
    password: address.password === null ? '' : Secret.reveal(address.password),
    driverOptions: {
      ...connectOptions,
      ssl,
      max: limits.poolConnections,
      min: Math.min(warmConnections, limits.poolConnections),
      idleTimeoutMillis: idleTimeoutMs,
      connectionTimeoutMillis: address.connectTimeoutMs ?? limits.connectionTimeoutMs,
      onPoolCreated: (created: PgPool) => {
        Object.assign(created.options, { onConnect });
        created.Client = survivingNonsense(created.Client);
        if (serving !== undefined) waitInTurn(created, limits.connectionTimeoutMs);
      },
    },
  });
};

/** The way to an address for whoever wants a connection beside the pool, of which only the kind of client is taken. */
export const wayTo = (
  { Client, options: { types } }: PgPool,
  address: PostgresAddress,
  ssl: TlsOptions,
  more: Pick<WayNeeds, 'found' | 'mustBeIt'> = {},
): Way =>
  new Way({
    hosts: hostsOf(address),
    makeClient: (host) => new Client({ ...clientOptions(address, ssl, host), types }),
    pooling: address.pooling ?? 'none',
    names: namesFor(address),
    ...more,
  });

/** The address with that one of its hosts as its only one which is the primary now. Throws a fault or the driver's error. */
export const atPrimary = async (address: PostgresAddress, ssl: TlsOptions): Promise<PostgresAddress> => {
  if (address.others === undefined) return address;
  const orm = connect(address, ssl, examineLimits);
  try {
    const way = wayTo(await orm.driver.getConnection().getNativeClient(), address, ssl);
    const client = await way.open(examineLimits.queryTimeoutMs, {});
    discard(client);
    return { ...address, others: undefined, host: client.host, port: client.port };
  } finally {
    await orm.close(true);
  }
};

const clientOptions = (address: PostgresAddress, ssl: TlsOptions, { host, port }: Host): object => ({
  ...connectOptions,
  ssl,
  host,
  port,
  database: address.database,
  user: address.user,
  password: address.password === null ? '' : Secret.reveal(address.password),
  connectionTimeoutMillis: address.connectTimeoutMs ?? defaultConnectTimeoutMs,
});

const connectOptions = { application_name: 'kith', keepAlive: true, keepAliveInitialDelayMillis: 5000 };

export type TlsOptions = false | { readonly rejectUnauthorized: boolean; readonly ca?: string };

export const tlsOptions = async (tls: Tls): Promise<TlsOptions> => {
  if (tls.mode === 'off') return false;
  if (tls.mode === 'unverified') return { rejectUnauthorized: false };
  if (tls.caFile === null) return { rejectUnauthorized: true };
  return { rejectUnauthorized: true, ca: await readFile(tls.caFile, 'utf8') };
};
