import process from 'node:process';
import { isPoolTimeout, poolTimeout } from './faults.ts';
import type { PgPool, PooledClient } from './postgres-driver.ts';

/** If a wait for a connection ends this much after its deadline, this process was busy. */
const lateMs = 100;

type Waiter = {
  readonly take: (client: PooledClient) => void;
  readonly fail: (error: unknown) => void;
  state: 'waiting' | 'served' | 'left';
};

/**
 * Two waits in the place of the pool's one. Whoever wants a connection waits for `waitMs`, and takes the first that comes: a
 * new one, or one that somebody gave back. The making of a connection goes on when the one who asked has left, because over
 * a long way it takes longer than a user waits; the pool's own `connectionTimeoutMillis` bounds it.
 *
 * A timer that is late blames the server for what this process did, so that such a wait is given one more try.
 */
export const waitInTurn = (pool: PgPool, waitMs: number): void => {
  const connect = pool.connect.bind(pool);
  /** Who still waits, the first first. */
  const waiters = new Set<Waiter>();
  const next = (): Waiter | undefined => waiters.values().next().value;

  const give = (client: PooledClient): void => {
    const waiter = next();
    if (waiter === undefined) client.release();
    else waiter.take(client);
  };
  const fetchFor = async (asker: Waiter): Promise<void> => {
    try {
      give(await onceMore(connect, () => pool.options.connectionTimeoutMillis ?? 0));
    } catch (error) {
      // What the asker got was another's, who gets nothing now. A wait of the pool's that is over is only the asker's.
      if (asker.state !== 'served') asker.fail(error);
      else if (!isPoolTimeout(error)) next()?.fail(error);
    }
  };
  pool.on('release', () => {
    process.nextTick(() => {
      const asker = next();
      if (asker !== undefined && pool.idleCount > 0) void fetchFor(asker);
    });
  });

  pool.connect = () =>
    new Promise((resolve, reject) => {
      let dueMs = performance.now() + waitMs;
      let timer: ReturnType<typeof setTimeout>;
      const settle = (state: 'served' | 'left'): boolean => {
        if (waiter.state !== 'waiting') return false;
        clearTimeout(timer);
        waiter.state = state;
        waiters.delete(waiter);
        return true;
      };
      const waiter: Waiter = {
        state: 'waiting',
        take: (client) => (settle('served') ? resolve(client) : client.release()),
        fail: (error) => settle('left') && reject(error),
      };
      const giveUp = (): void => {
        if (performance.now() - dueMs > lateMs) {
          dueMs = Number.POSITIVE_INFINITY;
          timer = setTimeout(giveUp, waitMs);
        } else waiter.fail(new Error(poolTimeout));
      };
      timer = setTimeout(giveUp, waitMs);
      waiters.add(waiter);
      void fetchFor(waiter);
    });
};

const onceMore = async <T>(attempt: () => Promise<T>, deadlineMs: () => number): Promise<T> => {
  const dueMs = performance.now() + deadlineMs();
  try {
    return await attempt();
  } catch (error) {
    if (performance.now() - dueMs <= lateMs) throw error;
    return attempt();
  }
};
