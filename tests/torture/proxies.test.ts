import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { resetConnection } from '../support/fault-proxy.ts';

// The run ends the thread of its proxies. One that holds a connection which never closed spins for ever instead.
it('a connection that is reset while it ends is closed', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connected: Promise<Socket[]> = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const other = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [socket] = await connected;
  if (socket === undefined) throw new Error('nobody connected');
  const closed = once(socket, 'close');
  socket.end();
  // What it is told to send is under way then, and not sent.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  resetConnection(socket);
  expect(await closed).toEqual([false]);
  other.destroy();
  await new Promise((resolve) => server.close(resolve));
});
