/**
 * What the two Python systems and most of their peers do, as an adapter of Kith's cache port: a key is deleted after the
 * commit, and whoever misses fills without asking. The torture run must find it guilty.
 */
import { createClient } from 'redis';
import { versionOf } from '../../application/caching/values.ts';
import { recordKinds } from '../../application/records/kinds.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import type {
  Cache,
  Cacheable,
  CachePort,
  CacheRead,
  Codec,
  Lease,
  RecordKind,
  TierState,
} from '../../domain/ports/cache.ts';

type Client = {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<unknown>;
  del(name: string): Promise<unknown>;
};
type Naive = Client & { flushAll(): Promise<unknown>; destroy(): void };
type Location = { readonly host: string; readonly port: number };

class NaiveRecords<V extends Cacheable> implements CachePort<V> {
  readonly #client: Client;
  readonly #name: (key: string) => string;
  readonly #codec: Codec<V>;

  constructor(client: Client, { name, codec }: RecordKind<V>) {
    this.#client = client;
    this.#name = (key) => `naive:${name}:${key}`;
    this.#codec = codec;
  }

  peek(): undefined {
    return undefined;
  }

  async read(key: string): Promise<CacheRead<V>> {
    const text = await this.#client.get(this.#name(key));
    const value = text === null ? undefined : this.#codec.decode(text, key);
    if (value !== undefined) return { state: 'hit', value, source: 'redis' };
    return { state: 'leased', lease: { key, token: '', readStartedAtMs: 0 } };
  }

  readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    return Promise.all(keys.map((key) => this.read(key)));
  }

  async fill({ key }: Lease, value: V | undefined): Promise<boolean> {
    if (value === undefined) return false;
    await this.#client.set(this.#name(key), this.#codec.encode(value, key));
    return true;
  }

  fence(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async release(key: string): Promise<boolean> {
    await this.#client.del(this.#name(key));
    return true;
  }

  drop(): void {}

  replay(key: string): Promise<boolean> {
    return this.release(key);
  }

  async inspect(key: string): Promise<readonly TierState[]> {
    const found = await this.read(key);
    const version = found.state === 'hit' ? versionOf(found.value) : null;
    return [
      {
        tier: 'redis',
        state: found.state === 'hit' ? 'value' : 'absent',
        version,
        ttlMs: null,
        disbelief: null,
      },
    ];
  }
}

/** Without a Redis: in this process, which nobody tells anything. */
const openMap = (): Naive => {
  const map = new Map<string, string>();
  return {
    get: async (name) => map.get(name) ?? null,
    set: async (name, value) => map.set(name, value),
    del: async (name) => map.delete(name),
    flushAll: async () => map.clear(),
    destroy() {},
  };
};

const openClient = async (socket: Location): Promise<Naive> => {
  const client = createClient({ socket });
  client.on('error', () => undefined);
  await client.connect();
  return {
    get: (name) => client.get(name),
    set: (name, value) => client.set(name, value),
    del: (name) => client.del(name),
    flushAll: () => client.flushAll(),
    destroy: () => client.destroy(),
  };
};

export const openNaiveCache = async (location: Location | undefined): Promise<Cache> => {
  const client = location === undefined ? openMap() : await openClient(location);
  const records = <V extends Cacheable>(kind: RecordKind<V>): CachePort<V> => new NaiveRecords(client, kind);
  return {
    ...portsOf(recordKinds(), records),
    async clear() {
      await client.flushAll();
      return true;
    },
    checked() {},
    forget() {},
    health: () =>
      Promise.resolve({
        degraded: false,
        backend: 'redis',
        latencyMs: null,
        circuit: 'closed',
        memoryUsedBytes: null,
        entriesInMemory: 0,
        gate: 'open',
        stalenessMs: null,
      }),
    [Symbol.asyncDispose]() {
      client.destroy();
      return Promise.resolve();
    },
  };
};
