import { connect } from 'node:net';

/** A client that sends bytes at its own pace, and how long the server put up with it. */
export type Dribbler = { readonly closed: Promise<number>; end(): void };

/** Sends `head` at once and then `drop` again and again. */
export const dribble = (url: string, head: string, drop: string, everyMs: number): Dribbler => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const startMs = performance.now();
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  socket.write(head);
  const dropping = setInterval(() => {
    if (drop !== '' && socket.writable) socket.write(drop);
  }, everyMs);
  const closed = new Promise<number>((resolve) => {
    socket.on('close', () => {
      clearInterval(dropping);
      resolve(performance.now() - startMs);
    });
    socket.on('end', () => socket.destroy());
  });
  return { closed, end: () => socket.destroy() };
};

/** An upload of 1,000 bytes of which ten come. */
export const stuckUpload = (token: string): string =>
  [
    'POST /contacts HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    'Content-Length: 1000',
    '',
    '{"first_na',
  ].join('\r\n');
