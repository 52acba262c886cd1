import { connect, type Socket } from 'node:net';

/** Where to send requests, and the one request that is sent again and again, as text. */
export type Target = { readonly port: number; readonly request: string };

export const getRequest = (path: string, headers: Readonly<Record<string, string>> = {}): string =>
  [
    `GET ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');

/** What a connection needs to know of an answer; no length if it comes in chunks. */
type Head = { readonly status: string; readonly length: number | undefined };

const parseHead = (text: string): Head => ({
  status: text.slice(9, 12),
  length: lengthIn(text),
});

const lengthIn = (text: string): number | undefined => {
  const [, digits] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
};

/**
 * Sends so many requests over a number of kept connections, each with one at a time, and resolves when all were answered
 * 200. It parses no more than it must, so that on a small machine the CPU is the server's, and it never sleeps: to wake a
 * sleeping client costs whoever writes to it up to 8 us, and a client sleeps the more, the slower its server is.
 */
export const load = async (
  { port, request }: Target,
  requests: number,
  connections: number,
): Promise<void> => {
  let left = requests;
  const next = (): boolean => left-- > 0;
  let isOver = false;
  const stayAwake = (): void => {
    if (!isOver) setImmediate(stayAwake);
  };
  stayAwake();
  try {
    await Promise.all(Array.from({ length: connections }, () => converse(port, request, next)));
  } finally {
    isOver = true;
  }
};

const converse = (port: number, request: string, next: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let received = '';
    const send = (): void => {
      if (next()) socket.write(request);
      else socket.end(resolve);
    };
    socket.setEncoding('latin1');
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a server closed the connection')));
    socket.on('data', (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const { status, length } = parseHead(received.slice(0, end));
      if (status !== '200') {
        socket.destroy(new Error(`a server answered ${received.slice(0, 2000)}`));
      } else if (
        length === undefined ? received.endsWith('\r\n0\r\n\r\n') : received.length >= end + 4 + length
      ) {
        received = '';
        send();
      }
    });
  });
