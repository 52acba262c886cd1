import { createClient } from 'redis';
import { type Load, maxEntries, type OpenPeer, parseRow, ttlMs } from './load.ts';

/** What a program does without a library: GET, else the row and SET; DEL after the commit. */
const open =
  (clientSide: boolean): OpenPeer =>
  async (redisPort, find: Load) => {
    const client = createClient({
      RESP: 3,
      socket: { host: '127.0.0.1', port: redisPort },
      // The README of node-redis, "Client Side Caching".
      ...(clientSide && { clientSideCache: { ttl: 0, maxEntries, evictPolicy: 'LRU' as const } }),
    });
    client.on('error', () => undefined);
    await client.connect();
    return {
      async read(id) {
        const text = await client.get(id).catch(() => null);
        if (text !== null) return parseRow(text);
        const row = await find(id);
        await client
          .set(id, JSON.stringify(row), { expiration: { type: 'PX', value: ttlMs } })
          .catch(() => undefined);
        return row;
      },
      async invalidate(id) {
        await client.del(id).catch(() => undefined);
      },
      async [Symbol.asyncDispose]() {
        client.destroy();
      },
    };
  };

export const cacheAside: OpenPeer = open(false);
export const clientSideCache: OpenPeer = open(true);
