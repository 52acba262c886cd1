import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { vi } from 'vitest';
import type { PostgresAddress } from '../../../adapters/mikro-orm/postgres-address.ts';
import { systemClock } from '../../../adapters/system/clock.ts';
import { jsonLog } from '../../../adapters/system/log.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import type { Log, LogFields } from '../../../domain/ports/runtime.ts';
import type { Snapshot } from '../../../domain/snapshot.ts';
import { watch } from '../../support/canaries.ts';
import { resetConnection } from '../../support/fault-proxy.ts';

/** A log that nobody reads, as it would be written; only that no secret gets into it is watched. */
export const silentLog: Log = jsonLog({ level: 'debug', clock: systemClock, write: watch('log') });

/** A log that keeps its lines. */
export const recordingLog = (): Log & { readonly lines: readonly string[] } => {
  const lines: string[] = [];
  const keep = (event: string, fields?: LogFields): void => {
    lines.push(`${event} ${JSON.stringify(fields ?? {})}`);
  };
  return { lines, info: keep, warn: keep, error: keep };
};

/** A database opens before its tables are made, if that takes long: on a machine that is busy. */
export const untilReady = ({ health }: Database): Promise<unknown> =>
  vi.waitFor(() => health.ping(), { timeout: 15_000 });

/** What the log says of changes from now on, as `source key`, each time since the last. */
export const openNews = async ({ log }: Database): Promise<() => Promise<readonly string[]>> => {
  const [id, boundMs] = [randomUUID(), 2000];
  await log.begin({ boundMs, retentionMs: 60_000 });
  let beat = 0;
  let last: Snapshot | undefined;
  const news = async (): Promise<readonly string[]> => {
    const answer = await log.check({ id, beat: ++beat, answeredBeat: beat - 1, boundMs, last });
    last = answer.snapshot;
    if (answer.rows === 'too-many') throw new Error('so many were not written');
    return answer.rows.map(({ source, key }) => `${source} ${key}`);
  };
  await news();
  return news;
};

/** What can go wrong between Kith and a server, done to the bytes in between. */
export type Fault =
  | 'none'
  /** Takes connections and swallows everything, like a stopped server. */
  | 'hang'
  | 'refuse'
  /** Cuts the connection when a COMMIT passes, before (the server never sees it) or after it got through. */
  | 'cut-before-commit'
  | 'cut-after-commit';

export type FaultProxy = AsyncDisposable & {
  readonly address: PostgresAddress;
  set(fault: Fault): void;
  /** Resets every connection there is. */
  cut(): void;
};

export const faultProxy = async (target: PostgresAddress): Promise<FaultProxy> => {
  let fault: Fault = 'none';
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    if (fault === 'refuse') resetConnection(client);
    client.on('data', (bytes) => {
      if (fault === 'hang') return;
      const isCommit = bytes.includes('commit');
      if (isCommit && fault === 'cut-before-commit') return void resetConnection(client);
      upstream.write(bytes);
      // The answer is what shows that the server has done it; it goes no further.
      if (isCommit && fault === 'cut-after-commit') upstream.once('data', () => resetConnection(client));
    });
    upstream.on('data', (bytes) => {
      if (fault === 'none' || fault === 'cut-before-commit') client.write(bytes);
      else if (fault === 'cut-after-commit' && !bytes.includes('COMMIT')) client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the proxy has no port');
  const cut = (): void => {
    for (const socket of sockets) resetConnection(socket);
  };
  return {
    address: { ...target, host: '127.0.0.1', port: bound.port },
    set(next) {
      fault = next;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
