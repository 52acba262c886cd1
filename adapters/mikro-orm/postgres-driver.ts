import { afterAwake } from '../system/awake-timer.ts';
import { isForeignStatement, isStaleStatement } from './faults.ts';
import type { StatementNames } from './statement-name.ts';

/** What we use of the client of `pg`, which comes with MikroORM and without types. */
export interface PgClient {
  readonly host: string;
  readonly port: number;
  readonly connection: {
    readonly stream: { destroy(): void };
    /** Begins to read what comes. */
    attachListeners: (stream: Incoming) => void;
  };
  connect(): Promise<void>;
  query(text: string | NamedStatement, values?: readonly unknown[]): Promise<unknown>;
  /** `I`: no transaction is open; `T`, `E`: one is, or has failed. */
  getTransactionStatus(): 'I' | 'T' | 'E' | null;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: (error: unknown) => void): unknown;
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  off(event: 'error', listener: (error: unknown) => void): unknown;
}

type Read = (chunk: unknown) => void;

/** The socket, in clear or with TLS, by what we use of it. */
type Incoming = {
  listeners(event: 'data'): readonly Read[];
  removeAllListeners(event: 'data'): Incoming;
  on(event: 'data', listener: Read): unknown;
  destroy(error?: Error): unknown;
};

export type NamedStatement = {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
};

/** A client of the pool, which wants it back. */
export interface PooledClient extends PgClient {
  /** Given `true`, it is closed instead. */
  release(destroy?: boolean): void;
}

export type PoolOptions = {
  /** How values are parsed. */
  readonly types?: unknown;
  host?: string;
  port?: number;
  /** How long the making of a connection may take, and a wait for one while the pool is full. */
  connectionTimeoutMillis?: number;
  /** Called before a new connection is lent. */
  onConnect?: (client: PgClient) => Promise<void>;
};

export interface PgPool {
  /** Read anew for each connection that is made. */
  readonly options: PoolOptions;
  /** What it makes its connections of. */
  Client: new (
    options: object,
  ) => PgClient;
  readonly totalCount: number;
  readonly idleCount: number;
  /** How many wait for a connection. */
  readonly waitingCount: number;
  /** Whether its end was asked for; a second time is refused. */
  readonly ending: boolean;
  end(): Promise<void>;
  connect: () => Promise<PooledClient>;
  on(event: 'connect' | 'acquire' | 'remove', listener: (client: PgClient) => void): unknown;
  on(event: 'release', listener: (error: unknown, client: PgClient) => void): unknown;
}

/**
 * pg reads in a listener of the socket, and throws there at what it does not understand, as at a server that asks for
 * GSSAPI: nobody could catch that, and the process would end. So it is the end of the connection instead.
 */
export const survivingNonsense = (Client: PgPool['Client']): PgPool['Client'] =>
  class extends Client {
    constructor(options: object) {
      super(options);
      const { connection } = this;
      const attach = connection.attachListeners.bind(connection);
      connection.attachListeners = (stream) => {
        attach(stream);
        const readings = stream.listeners('data');
        stream.removeAllListeners('data').on('data', (chunk) => {
          try {
            for (const read of readings) read(chunk);
          } catch (error) {
            stream.destroy(error instanceof Error ? error : undefined);
          }
        });
      };
    }
  };

/** What pg says when its own `query_timeout` is over. Our own deadline says the same. */
const readTimeout = 'Query read timeout';

/**
 * Prepares each statement with parameters under a name, once for each connection: the server need not parse and plan it
 * again. What turns out to be out of date is forgotten, so that another attempt prepares it anew.
 */
export const prepareQueries = (client: PgClient, names: StatementNames): void => {
  const query = client.query.bind(client);
  client.query = async (text, values) => {
    if (typeof text !== 'string' || values === undefined || values.length === 0) return query(text, values);
    const name = names.nameOf(text);
    if (name === undefined) return query(text, values);
    try {
      return await query({ name, text, values });
    } catch (error) {
      if (isForeignStatement(error)) names.stop();
      else if (isStaleStatement(error)) names.giveUp(name);
      throw error;
    }
  };
};

/** Calls `answered` at each answer. */
export const noteAnswers = (client: PgClient, answered: () => void): void => {
  const query = client.query.bind(client);
  client.query = async (text, values) => {
    const result = await query(text, values);
    answered();
    return result;
  };
};

/**
 * Closes the client when a query got no answer in time. pg would leave it in the pool although its answer is still to come,
 * and the next query on it would wait for that answer first: for as long as the server hangs, or for ever if the network
 * went away. A rollback fails at once on it, so a transaction waits one deadline and not two.
 */
export const boundQueries = (client: PgClient, queryTimeoutMs: number): PgClient => {
  const query = client.query.bind(client);
  client.query = (text, values) =>
    withDeadline(query(text, values), queryTimeoutMs, () => client.connection.stream.destroy());
  return client;
};

/**
 * Makes connections before anybody needs one. It does not matter if some cannot be made: they are made when they are
 * needed.
 */
export const warmUp = async (pool: PgPool, connections: number): Promise<void> => {
  const made = await Promise.allSettled(Array.from({ length: connections }, () => pool.connect()));
  for (const one of made) if (one.status === 'fulfilled') one.value.release();
};

/**
 * pg's own `query_timeout` blames the server when this process was busy for so long: it decides before the sockets are
 * read.
 */
const withDeadline = <T>(answer: Promise<T>, ms: number, giveUp: () => void): Promise<T> =>
  new Promise((resolve, reject) => {
    const cancel = afterAwake(ms, () => {
      giveUp();
      reject(new Error(readTimeout));
    });
    answer.then(resolve, reject).finally(cancel);
  });

/** Ways to close connections of a pool; it opens new ones when they are needed. */
export type ClosableConnections = {
  /** Those that nobody is using. */
  discard(): void;
  /** All others; one that is lent when it comes back. */
  keepOnly(isKept: (client: PgClient) => boolean): void;
};

export const connectionsOf = (pool: PgPool): ClosableConnections => {
  const idle = new Set<PgClient>();
  const lent = new Set<PgClient>();
  const unwanted = new WeakSet<PgClient>();
  const close = (client: PgClient): void => {
    idle.delete(client);
    client.connection.stream.destroy();
  };
  pool.on('acquire', (client) => {
    idle.delete(client);
    lent.add(client);
  });
  pool.on('release', (_error, client) => {
    lent.delete(client);
    if (unwanted.has(client)) close(client);
    else idle.add(client);
  });
  pool.on('remove', (client) => {
    idle.delete(client);
    lent.delete(client);
  });
  return {
    discard: () => idle.forEach(close),
    keepOnly(isKept) {
      for (const client of idle) if (!isKept(client)) close(client);
      for (const client of lent) if (!isKept(client)) unwanted.add(client);
    },
  };
};

/** The row that a statement answers with. */
export const ask = async (
  client: PgClient,
  statement: string,
): Promise<Readonly<Record<string, unknown>>> => {
  const { rows }: { readonly rows: readonly unknown[] } = Object(await client.query(statement));
  return Object(rows[0]);
};
