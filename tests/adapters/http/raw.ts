import { connect, type Socket } from 'node:net';

/** What came back on a raw connection until it was closed, or until `quietMs` passed without a byte. */
export const exchange = (port: number, bytes: string, quietMs = 400): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received = '';
    socket.setEncoding('latin1');
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      received += String(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(received));
    socket.write(bytes, 'latin1');
  });

/** An open connection that has sent something. */
export const dial = (port: number, bytes: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.write(bytes, 'latin1', () => resolve(socket));
    });
    socket.on('error', reject);
  });

export const statusOf = (response: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1] ?? 0);

/** The `code` of the problem in a response. */
export const codeOf = (response: string): string | undefined => /"code":"([a-z-]+)"/.exec(response)?.[1];
