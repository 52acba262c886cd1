import { connect, createServer } from 'node:net';
import { resetConnection } from '../../tests/support/fault-proxy.ts';

/** What is counted: when each thing was sent, on the clock of `performance.now()`, and over which connection. */
export type Sent = { readonly atMs: number; readonly connection: string };

/** Counts while it is open. */
export interface Counter extends AsyncDisposable {
  readonly port: number;
  readonly sent: readonly Sent[];
}

/** A proxy before PostgreSQL that counts the statements that are executed, without TLS. */
export const countStatements = async (target: { host: string; port: number }): Promise<Counter> => {
  const sent: Sent[] = [];
  const sockets = new Set<() => void>();
  let connections = 0;
  const server = createServer((client) => {
    const upstream = connect(target);
    const connection = `${++connections}`;
    const isStatement = statementsIn();
    const close = (): void => {
      sockets.delete(close);
      for (const socket of [client, upstream]) resetConnection(socket);
    };
    sockets.add(close);
    for (const socket of [client, upstream]) socket.on('error', close).on('close', close).setNoDelay();
    client.on('data', (bytes) => {
      for (let left = isStatement(Buffer.from(bytes)); left > 0; left--)
        sent.push({ atMs: performance.now(), connection });
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => client.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    sent,
    async [Symbol.asyncDispose]() {
      for (const close of sockets) close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/**
 * Reads what one client sends, in whatever pieces it comes, and says how many statements each piece ended: a simple query
 * (`Q`) or the execution of a prepared one (`E`). Each message is a letter and its length; the first has no letter.
 */
export const statementsIn = (): ((bytes: Buffer) => number) => {
  let rest = Buffer.alloc(0);
  let letterBytes = 0;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    let count = 0;
    while (rest.length >= letterBytes + 4) {
      const end = letterBytes + rest.readInt32BE(letterBytes);
      if (rest.length < end) break;
      if (letterBytes === 1 && /[QE]/.test(String.fromCharCode(rest[0] ?? 0))) count++;
      rest = rest.subarray(end);
      letterBytes = 1;
    }
    return count;
  };
};

/** Watches a Redis and counts the commands of each connection but its own; those of scripts are the scripts'. */
export const countCommands = async (port: number): Promise<Counter> => {
  const sent: Sent[] = [];
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined).setEncoding('utf8');
  let rest = '';
  const started = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.on('data', (text) => {
    const lines = `${rest}${text}`.split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const connection = /^\+[\d.]+ \[\d+ ([^\]]+)\]/.exec(line)?.[1];
      if (connection !== undefined && connection !== 'lua')
        sent.push({ atMs: performance.now(), connection });
    }
  });
  socket.write('MONITOR\r\n');
  await started;
  return {
    port,
    sent,
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
};
