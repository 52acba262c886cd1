import { load, maxEntries, type OpenPeer, type Row, ttlMs } from './load.ts';

type Store = { disconnect?(): Promise<void> };
type KeyvRedis = { createKeyv(url: string): Store; default: new (url: string) => Store };
type Memory = { createKeyv(options: { lruSize: number; ttl: number }): Store };

type Cacheable = {
  getOrSet(key: string, factory: () => Promise<Row>, options: { ttl: number }): Promise<Row>;
  delete(key: string): Promise<boolean>;
  disconnect(): Promise<void>;
};
type CacheablePackage = {
  Cacheable: new (options: Readonly<Record<string, unknown>>) => Cacheable;
} & Memory;
type Qified = { RedisMessageProvider: new (options: { uri: string }) => unknown };

/** cacheable.org, "Layer 1 / layer 2": its own LRU in memory, @keyv/redis behind; with CacheSync over Redis, or without. */
const openCacheable =
  (tiers: 'memory' | 'synced' | 'redis'): OpenPeer =>
  async (redisPort, find) => {
    const url = `redis://127.0.0.1:${redisPort}`;
    const { Cacheable, createKeyv } = await load<CacheablePackage>('cacheable');
    const keyvRedis = await load<KeyvRedis>('@keyv/redis');
    const sync =
      tiers === 'synced'
        ? { sync: { qified: new (await load<Qified>('@qified/redis')).RedisMessageProvider({ uri: url }) } }
        : {};
    const redis = keyvRedis.createKeyv(url);
    const cache = new Cacheable(
      tiers === 'redis'
        ? { primary: redis }
        : { primary: createKeyv({ lruSize: maxEntries, ttl: ttlMs }), secondary: redis, ...sync },
    );
    return {
      read: (id) => cache.getOrSet(id, () => find(id), { ttl: ttlMs }),
      invalidate: async (id) => {
        await cache.delete(id);
      },
      [Symbol.asyncDispose]: () => cache.disconnect(),
    };
  };

export const cacheable: OpenPeer = openCacheable('memory');
export const cacheableSynced: OpenPeer = openCacheable('synced');
export const cacheableRedis: OpenPeer = openCacheable('redis');

type CacheManager = {
  createCache(options: { stores: readonly Store[]; ttl: number }): {
    wrap(key: string, factory: () => Promise<Row>): Promise<Row>;
    del(key: string): Promise<boolean>;
    disconnect(): Promise<unknown>;
  };
};

/** The README of cache-manager, "Keyv stores": an LRU in memory and @keyv/redis. It has no bus. */
export const cacheManager: OpenPeer = async (redisPort, find) => {
  const { createCache } = await load<CacheManager>('cache-manager');
  const { createKeyv } = await load<Memory>('cacheable');
  const redis = (await load<KeyvRedis>('@keyv/redis')).createKeyv(`redis://127.0.0.1:${redisPort}`);
  const cache = createCache({ stores: [createKeyv({ lruSize: maxEntries, ttl: ttlMs }), redis], ttl: ttlMs });
  return {
    read: (id) => cache.wrap(id, () => find(id)),
    invalidate: async (id) => {
      await cache.del(id);
    },
    async [Symbol.asyncDispose]() {
      await cache.disconnect();
    },
  };
};
