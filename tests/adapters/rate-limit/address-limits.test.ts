import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressLimits, type ScriptStore } from '../../../adapters/rate-limit/address-limits.ts';
import type { RedisCache } from '../../../adapters/redis/redis-cache.ts';
import { Secret } from '../../../domain/secret.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import { openCache } from '../redis/fixture.ts';

const hmacKey = new Secret<'key'>('a key of the test');
const open = (points: number, store?: ScriptStore) =>
  addressLimits({ perMinute: { 'log-in': points, registration: 0 }, hmacKey, keyPrefix: 'kith:', store });

const home = '192.0.2.7';
const broken: ScriptStore = { evaluate: () => Promise.reject(new Error('no Redis')) };

describe('limits per address', () => {
  it('let so many a minute pass, and then say how long to wait', async () => {
    const limits = open(3);
    for (let n = 0; n < 3; n++) expect(await limits.take('log-in', home)).toBeUndefined();
    const wait = await limits.take('log-in', home);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60_000);
    expect(await limits.take('log-in', '192.0.2.8')).toBeUndefined();
  });

  it('are off at 0', async () => {
    const limits = open(1);
    for (let n = 0; n < 50; n++) expect(await limits.take('registration', home)).toBeUndefined();
  });

  it('count in the process while Redis does not answer: never open', async () => {
    const limits = open(3, broken);
    for (let n = 0; n < 3; n++) expect(await limits.take('log-in', home)).toBeUndefined();
    expect(await limits.take('log-in', home)).toBeGreaterThan(0);
  });

  it('let nobody in by a reply that is none', async () => {
    for (const reply of [undefined, null, 'OK', [], ['x', 'y'], [Number.NaN, -1], {}]) {
      const limits = open(3, { evaluate: async () => reply });
      const waits: (number | undefined)[] = [];
      for (let n = 0; n < 5; n++) waits.push(await limits.take('log-in', home));
      expect(waits[4], JSON.stringify(reply)).toBeGreaterThan(0);
    }
  });

  it('hold a bounded number of counts, whatever comes', async () => {
    const limits = open(1000);
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 300_000; n++) await limits.take('log-in', `2001:db8:${n.toString(16)}::/64`);
    expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(100);
  }, 60_000);

  describe('over Redis', () => {
    let server: RedisServer;
    const caches: RedisCache[] = [];
    // Beside other tests an answer may take a while.
    const connect = async (commandTimeoutMs = 3000): Promise<RedisCache> => {
      const cache = await openCache(server.address, { hmacKey, commandTimeoutMs });
      caches.push(cache);
      return cache;
    };
    beforeAll(async () => {
      server = await openRedis();
    });
    afterAll(async () => {
      for (const cache of caches) await cache[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    it('are one count for all instances, under a name that is no address, for a minute', async () => {
      const instances = [open(4, await connect()), open(4, await connect())];
      const outcomes: (number | undefined)[] = [];
      for (let n = 0; n < 6; n++) outcomes.push(await instances[n % 2]?.take('log-in', home));
      expect(outcomes.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
      expect(outcomes[4]).toBeGreaterThan(0);
      expect(outcomes[5]).toBeGreaterThan(0);
      const names = await server.command('KEYS', 'kith:limit*');
      expect(names).toEqual([expect.stringMatching(/^kith:limit:log-in:[0-9a-f]{32}$/)]);
      expect(Number(await server.command('PTTL', String(Object(names)[0])))).toBeLessThanOrEqual(60_000);
    });

    it('wait for a Redis that hangs no longer than one deadline, and count meanwhile', async () => {
      const limits = open(3, await connect(100));
      server.hang();
      try {
        const startedMs = performance.now();
        for (let n = 0; n < 3; n++) expect(await limits.take('log-in', '192.0.2.9')).toBeUndefined();
        expect(await limits.take('log-in', '192.0.2.9')).toBeGreaterThan(0);
        // Four times the deadline of 100 ms, and what a busy machine adds.
        expect(performance.now() - startedMs).toBeLessThan(1500);
      } finally {
        server.resume();
      }
    });
  });
});
