import { setImmediate } from 'node:timers';

/** What we use of the client of `pg`, which comes with MikroORM and without types. */
export interface PgClient {
  readonly connection: { readonly stream: { destroy(): void } };
  connect(): Promise<void>;
  query(text: string | NamedStatement, values?: readonly unknown[]): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error' | 'end' | 'notification', listener: (error: unknown) => void): unknown;
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
  connect: () => Promise<PooledClient>;
  on(event: 'connect' | 'acquire' | 'remove', listener: (client: PgClient) => void): unknown;
  on(event: 'release', listener: (error: unknown, client: PgClient) => void): unknown;
}

/** What pg says when its own `query_timeout` is over, and we say in its place. */
const readTimeout = 'Query read timeout';

/** Our texts are few, but for journal rows appended in batches of any size: what is beyond this is not prepared. */
const maxPrepared = 64;

/**
 * Two things that pg leaves to its user, done where every query passes.
 *
 * A statement with parameters is prepared under a name, once a connection: the server parses and plans it no more.
 *
 * A connection on which a query got no answer in `queryTimeoutMs` is closed. pg leaves it in the pool with the answer
 * outstanding, and whoever is handed it next waits behind that: for as long as the server hangs, or for ever if the
 * network went away. A rollback fails at once on it, so a transaction waits one deadline and not two.
 *
 * `answered` hears of each answer.
 */
export const improveQueries = (pool: PgPool, queryTimeoutMs: number, answered: () => void): void => {
  const names = new Map<string, string>();

  const named = (text: string, values: readonly unknown[]): NamedStatement | undefined => {
    let name = names.get(text);
    if (name === undefined && names.size < maxPrepared) {
      name = `kith-${names.size}`;
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

/** A wait for a connection that ended this much after its deadline tells of a stall of our own. */
const lateMs = 100;

/**
 * pg decides that a connection took too long before it reads the sockets, so a process that was busy meanwhile blames the
 * server. Nothing was sent yet: who waited for longer than anybody may wait is given one more try.
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

/** Makes connections before anybody needs one; those that cannot be made will be missed by nobody yet. */
export const warmUp = async (pool: PgPool, connections: number): Promise<void> => {
  const made = await Promise.allSettled(Array.from({ length: connections }, () => pool.connect()));
  for (const one of made) if (one.status === 'fulfilled') one.value.release();
};

/** A timer that fires this much late tells of a stall of our own, after which the server gets a moment to be heard. */
const stallMs = 20;
const graceMs = 300;

/**
 * pg's own `query_timeout` blames the server when this process was busy for so long: it decides before the sockets are
 * read. Here the decision falls after one more poll of them (`setImmediate`), and after a grace if the timer was late.
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
  // Beside the promise, an error may be emitted; unheard, it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    client.end().catch(() => undefined);
    client.connection.stream.destroy();
  }
};
