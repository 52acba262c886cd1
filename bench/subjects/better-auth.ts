import { createServer } from 'node:http';
import { createClient } from 'redis';
import { cpuUs, type OpenSubject } from '../harness/subject.ts';
import { openBetterAuth } from '../peers/better-auth.ts';

/** better-auth behind node:http, with one user who is signed in. */
export const betterAuth: OpenSubject = async ({ redisPort }) => {
  const redis = createClient({ socket: { host: '127.0.0.1', port: redisPort } });
  await redis.connect();
  const { handler, cookie } = await openBetterAuth({
    get: (key) => redis.get(key),
    set: async (key, value, ttl) => {
      await redis.set(key, value, ttl === undefined ? {} : { expiration: { type: 'EX', value: ttl } });
    },
    delete: async (key) => {
      await redis.del(key);
    },
  });
  const server = createServer(handler);
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return { where: async () => ({ port, headers: { cookie } }), cpuUs: async () => cpuUs() };
};
