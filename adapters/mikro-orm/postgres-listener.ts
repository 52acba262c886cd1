import type { Log } from '../../domain/ports/runtime.ts';
import { logChannel } from './change-log-port.ts';
import { toFault } from './faults.ts';
import type { PgClient } from './postgres-driver.ts';

const firstDelayMs = 50;
const maxDelayMs = 2000;
const heartbeatMs = 5000;

/**
 * Calls `wake` with each notification on the channel of the log, and once with nothing after each connect, because one may
 * have been missed. It holds one connection of its own and makes it anew, for ever, when it is lost or a heartbeat gets no answer.
 * Resolves when the first attempt to connect is over, whatever came of it. The log hears once that it was lost, and once
 * that it is back; `listening` hears each time whether it listens.
 */
export const listenOnPostgres = async (
  open: () => Promise<PgClient>,
  wake: (message: string | undefined) => void,
  log: Log,
  listening: (isListening: boolean) => void = () => {},
): Promise<AsyncDisposable> => {
  const stop = Promise.withResolvers<string>();
  const firstAttempt = Promise.withResolvers<void>();
  let stopped = false;
  let isListening: boolean | undefined;

  const listens = (): void => {
    if (isListening === false) log.info('database-listener-in-use');
    isListening = true;
    listening(true);
  };
  const fails = (cause: string): void => {
    if (!stopped && isListening !== false) log.warn('database-listener-out-of-use', { cause });
    isListening = false;
    listening(false);
  };

  const keepListening = async (): Promise<void> => {
    let delayMs = firstDelayMs;
    while (!stopped) {
      let client: PgClient | undefined;
      try {
        const opened = await open();
        client = opened;
        const lost = new Promise<string>((resolve) => {
          opened.on('error', (error) => resolve(toFault(error).message));
          opened.on('end', () => resolve('the connection ended'));
        });
        opened.on('notification', ({ payload }) => wake(payload));
        await client.query(`listen ${logChannel}`);
        delayMs = firstDelayMs;
        listens();
        wake(undefined);
        firstAttempt.resolve();
        fails(await Promise.race([lost, silent(opened, lost), stop.promise]));
      } catch (error) {
        // Not reachable, or not now: the next attempt is the answer.
        fails(toFault(error).message);
      }
      firstAttempt.resolve();
      if (client !== undefined) await close(client);
      if (!stopped) await Promise.race([sleep(delayMs), stop.promise]);
      delayMs = Math.min(delayMs * 2, maxDelayMs);
    }
  };

  const finished = keepListening();
  await firstAttempt.promise;
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      stop.resolve('disposed');
      await finished;
    },
  };
};

/** Resolves when the server stops answering: an idle connection whose network went away reports nothing by itself. */
const silent = async (client: PgClient, lost: Promise<unknown>): Promise<string> => {
  let connected = true;
  void lost.then(() => {
    connected = false;
  });
  while (connected) {
    await Promise.race([sleep(heartbeatMs), lost]);
    try {
      await client.query('select 1');
    } catch (error) {
      return toFault(error).message;
    }
  }
  return 'the connection ended';
};

/** A polite end where the server answers, and an end in any case. */
const close = async (client: PgClient): Promise<void> => {
  await Promise.race([client.end().catch(() => undefined), sleep(200)]);
  client.connection.stream.destroy();
};

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
  });
