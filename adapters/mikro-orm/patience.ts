import process from 'node:process';
import { afterAwake } from '../system/awake-timer.ts';
import { isConnectTimeout, isPoolTimeout, poolTimeout, toConnectError } from './faults.ts';
import type { PgPool, PooledClient } from './postgres-driver.ts';

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
 * The pool's own timers blame the server for what this process did while it was busy. So what they end is begun again for
 * as long as its asker waits, whose wait counts only the time in which this process was awake.
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
      give(await connect());
    } catch (error) {
      // What a served asker got was another's, who has the error in its place.
      const whose = asker.state === 'served' ? next() : asker;
      if (whose?.state !== 'waiting') return;
      if (isPoolTimeout(error) || isConnectTimeout(error)) await fetchFor(whose);
      else whose.fail(toConnectError(error));
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
      const settle = (state: 'served' | 'left'): boolean => {
        if (waiter.state !== 'waiting') return false;
        callOff();
        waiter.state = state;
        waiters.delete(waiter);
        return true;
      };
      const waiter: Waiter = {
        state: 'waiting',
        take: (client) => (settle('served') ? resolve(client) : client.release()),
        fail: (error) => settle('left') && reject(error),
      };
      const callOff = afterAwake(waitMs, () => waiter.fail(new Error(poolTimeout)));
      waiters.add(waiter);
      void fetchFor(waiter);
    });
};
