import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { RedisBus } from '../../../adapters/redis/bus.ts';
import { classify } from '../../../adapters/redis/errors.ts';
import { RedisCache } from '../../../adapters/redis/redis-cache.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { Secret } from '../../../domain/secret.ts';
import { anyToken } from '../../contracts/cache.ts';
import { anyUserId } from '../../contracts/records.ts';
import { openRedis } from '../../support/redis-server.ts';
import { openLog, redisOptions, runtime } from './fixture.ts';

const canary = 'canary-31d7f0';
const password = new Secret<'redis-password'>(canary);
const hmacKey = new Secret(`hmac-${canary}`);

const everythingSaidBy = async (address: { host: string; port: number; tls: boolean }): Promise<string> => {
  const { log, lines } = openLog();
  const own = { ...address, username: 'default', password };
  const options = { ...redisOptions(own), hmacKey };
  await using cache = new RedisCache(options, runtime(undefined, log));
  await using bus = new RedisBus({ ...options, maxStalenessMs: 500 }, runtime(undefined, log));
  bus.listen({ invalidated: () => undefined, proved: () => undefined, interrupted: () => undefined });
  await cache.start();
  const id = anyUserId();
  const said: unknown[] = [
    await cache.of(userKind).read(id),
    await cache.of(userKind).fence(id, anyToken()),
    await cache.of(userKind).inspect(id),
    await cache.clear(),
  ];
  await new Promise((resolve) => setTimeout(resolve, 1500));
  said.push(await cache.health(), cache.counters(), lines, cache, bus, own, options);
  return inspect(said, { depth: 20, showHidden: true }) + JSON.stringify(lines);
};

it('a refused password is in no log, result or object', async () => {
  await using server = await openRedis(['--requirepass', 'another']);
  expect(await everythingSaidBy(server.address)).not.toContain(canary);
});

it('a server that repeats the whole command in its error does not get the password into a log', async () => {
  const echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) =>
      socket.write(`-ERR unknown command, with args: ${chunk.toString().replaceAll('\r\n', ' ')}\r\n`),
    );
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const said = await everythingSaidBy({ host: '127.0.0.1', port, tls: false });
  expect(said).not.toContain(canary);
  expect(said).toContain('redis-out-of-use');
  echo.close();
});

it('an error becomes one of our codes and nothing more', () => {
  const { code } = classify(new Error(`ERR ${canary} of redis://default:${canary}@host`));
  expect(code).toBe('unknown');
  expect(Object.keys(classify(new Error(canary)))).toEqual(['code']);
});
