import { load, maxEntries, type OpenPeer, type Row, ttlMs } from './load.ts';

type Options = Readonly<Record<string, unknown>>;
type Store = {
  useL1Layer(driver: unknown): Store;
  useL2Layer(driver: unknown): Store;
  useBus(bus: unknown): Store;
};
type Cache = {
  getOrSet(options: { key: string; ttl: number; factory: () => Promise<Row> }): Promise<Row>;
  delete(options: { key: string }): Promise<boolean>;
  disconnectAll(): Promise<void>;
};
type Bento = { BentoCache: new (options: Options) => Cache; bentostore: () => Store };
type Redis = { redisDriver(options: Options): unknown; redisBusDriver(options: Options): unknown };
type Memory = { memoryDriver(options: Options): unknown };

/** bentocache.dev, "Multi-tier": memory, Redis, and a bus over Redis that evicts in the other processes. */
const open =
  (memory: Options | undefined): OpenPeer =>
  async (redisPort, find) => {
    const { BentoCache, bentostore } = await load<Bento>('bentocache');
    const { redisDriver, redisBusDriver } = await load<Redis>('bentocache/drivers/redis');
    const { memoryDriver } = await load<Memory>('bentocache/drivers/memory');
    const connection = { host: '127.0.0.1', port: redisPort };
    const redis = bentostore().useL2Layer(redisDriver({ connection }));
    const store =
      memory === undefined
        ? redis
        : bentostore()
            .useL1Layer(memoryDriver({ maxItems: maxEntries, ...memory }))
            .useL2Layer(redisDriver({ connection }))
            .useBus(redisBusDriver({ connection }));
    const cache = new BentoCache({ default: 'users', stores: { users: store } });
    return {
      read: (id) => cache.getOrSet({ key: id, ttl: ttlMs, factory: () => find(id) }),
      invalidate: async (id) => {
        await cache.delete({ key: id });
      },
      [Symbol.asyncDispose]: () => cache.disconnectAll(),
    };
  };

export const bentocache: OpenPeer = open({});
/** Values are shared and not copied, as ours are. */
export const bentocacheShared: OpenPeer = open({ serialize: false });
export const bentocacheRedis: OpenPeer = open(undefined);
