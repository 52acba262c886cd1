import { setImmediate } from 'node:timers';
import { statementName } from './statement-name.ts';

/** What we use of the client of `pg`, which comes with MikroORM and without types. */
export interface PgClient {
  readonly connection: { readonly stream: { destroy(): void } };
  connect(): Promise<void>;
  query(text: string | NamedStatement, values?: readonly unknown[]): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: (error: unknown) => void): unknown;
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown;
}

export type NamedStatement = {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
};

/** A client of the pool, which wants it back. */
export interface PooledClient extends PgClient {
  release(): void;
}

export interface PgPool {
  readonly options: object;
  readonly Client: new (options: object) => PgClient;
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

/** What pg says when its own `query_timeout` is over. Our own deadline says the same. */
const readTimeout = 'Query read timeout';

/**
 * Statements beyond this number are not prepared. There are few different ones, except those whose length depends on how
 * many rows are asked for.
 */
const maxPrepared = 64;

/**
 * Two things that pg leaves to its user, done where every query passes.
 *
 * A statement with parameters is prepared under a name, once for each connection: the server need not parse and plan it
 * again.
 *
 * A connection on which a query got no answer in `queryTimeoutMs` is closed. pg would leave it in the pool although its
 * answer is still to come, and the next query on it would wait for that answer first: for as long as the server hangs,
 * or for ever if the network went away. A rollback fails at once on it, so a transaction waits one deadline and not
 * two.
 *
 * `answered` is called at each answer.
 */
export const improveQueries = (pool: PgPool, queryTimeoutMs: number, answered: () => void): void => {
  const names = new Map<string, string>();

  const named = (text: string, values: readonly unknown[]): NamedStatement | undefined => {
    let name = names.get(text);
    if (name === undefined && names.size < maxPrepared) {
      name = statementName(text);
      names.set(text, name);
    }
    return name === undefined ? undefined : { name, text, values };
  };

  pool.on('connect', (client) => {
    const query = boundQueries(client, queryTimeoutMs).query.bind(client);
    client.query = (text, values) => {
      const isPlain = typeof text !== 'string' || values === undefined || values.length === 0;
      return query((isPlain ? undefined : named(text, values)) ?? text, values).then((result) => {
        answered();
        return result;
      });
    };
  });
};

/** Closes the client when a query got no answer in time. */
export const boundQueries = (client: PgClient, queryTimeoutMs: number): PgClient => {
  const query = client.query.bind(client);
  client.query = (text, values) =>
    withDeadline(query(text, values), queryTimeoutMs, () => client.connection.stream.destroy());
  return client;
};

/** If a wait for a connection ends this much after its deadline, this process was busy. */
const lateMs = 100;

/**
 * pg decides that a connection took too long before it reads the sockets, so a process that was busy meanwhile blames
 * the server. Nothing was sent yet, so a wait that ended too late is given one more try.
 */
export const forgiveStalls = (pool: PgPool, connectionTimeoutMs: number): void => {
  const connect = pool.connect.bind(pool);
  pool.connect = async () => {
    const dueMs = performance.now() + connectionTimeoutMs;
    try {
      return await connect();
    } catch (error) {
      if (performance.now() - dueMs <= lateMs) throw error;
      return connect();
    }
  };
};

/**
 * Makes connections before anybody needs one. It does not matter if some cannot be made: they are made when they are
 * needed.
 */
export const warmUp = async (pool: PgPool, connections: number): Promise<void> => {
  const made = await Promise.allSettled(Array.from({ length: connections }, () => pool.connect()));
  for (const one of made) if (one.status === 'fulfilled') one.value.release();
};

/** If a timer fires this much late, this process was busy, and the server is given a little more time. */
const stallMs = 20;
const graceMs = 300;

/**
 * pg's own `query_timeout` blames the server when this process was busy for so long: it decides before the sockets are
 * read. Here it is decided after the sockets were polled once more (`setImmediate`), and after a little more time if
 * the timer was late.
 */
const withDeadline = <T>(answer: Promise<T>, ms: number, giveUp: () => void): Promise<T> =>
  new Promise((resolve, reject) => {
    let isPending = true;
    const dueMs = performance.now() + ms;
    const decide = (): void => {
      setImmediate(() => {
        if (!isPending) return;
        giveUp();
        reject(new Error(readTimeout));
      });
    };
    let timer = setTimeout(() => {
      if (performance.now() - dueMs > stallMs) timer = setTimeout(decide, graceMs);
      else decide();
    }, ms);
    const settled = (): void => {
      isPending = false;
      clearTimeout(timer);
    };
    answer.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });

/** A way to close the connections of a pool that nobody is using; it opens new ones when they are needed. */
export const idleConnectionsOf = (pool: PgPool): { discard(): void } => {
  const idle = new Set<PgClient>();
  pool.on('release', (_error, client) => idle.add(client));
  pool.on('acquire', (client) => idle.delete(client));
  pool.on('remove', (client) => idle.delete(client));
  return {
    discard() {
      for (const client of idle) client.connection.stream.destroy();
      idle.clear();
    },
  };
};

/** One question on a connection of its own; rejects if there is no answer in time. */
export const askOnce = async (client: PgClient): Promise<void> => {
  // An error may also be emitted as an event, which would end the process if nobody listened.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    client.end().catch(() => undefined);
    client.connection.stream.destroy();
  }
};
