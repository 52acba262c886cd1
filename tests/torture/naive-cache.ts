/**
 * What the two Python systems and most of their peers do, as an adapter of Kith's cache port: a key is deleted after the
 * commit, and whoever misses fills without asking. The torture run must find it guilty.
 */
import { createClient } from 'redis';
import { type Codec, codecs } from '../../application/caching/codecs.ts';
import { nameIn } from '../../application/caching/keys.ts';
import { versionOf } from '../../application/caching/values.ts';
import type {
  Cache,
  Cacheable,
  CachePort,
  CacheRead,
  Kind,
  Lease,
  TierState,
} from '../../domain/ports/cache.ts';

type Client = {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<unknown>;
  del(name: string): Promise<unknown>;
};

class NaiveRecords<V extends Cacheable> implements CachePort<V> {
  readonly #client: Client;
  readonly #name: (key: string) => string;
  readonly #codec: Codec<V>;

  constructor(client: Client, kind: Kind, codec: Codec<V>) {
    this.#client = client;
    this.#name = (key) => `naive:${kind}:${nameIn[kind](key)}`;
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

  replay(key: string): Promise<boolean> {
    return this.release(key);
  }

  async inspect(key: string): Promise<readonly TierState[]> {
    const found = await this.read(key);
    const version = found.state === 'hit' ? versionOf(found.value) : null;
    return [{ tier: 'redis', state: found.state === 'hit' ? 'value' : 'absent', version, ttlMs: null }];
  }
}

export const openNaiveCache = async (host: string, port: number): Promise<Cache> => {
  const client = createClient({ socket: { host, port } });
  client.on('error', () => undefined);
  await client.connect();
  const records = <V extends Cacheable>(kind: Kind, codec: Codec<V>): CachePort<V> =>
    new NaiveRecords(
      {
        get: (name) => client.get(name),
        set: (name, value) => client.set(name, value),
        del: (name) => client.del(name),
      },
      kind,
      codec,
    );
  return {
    caches: {
      users: records('users', codecs.users),
      profiles: records('profiles', codecs.profiles),
      emails: records('emails', codecs.emails),
      usernames: records('usernames', codecs.usernames),
      phones: records('phones', codecs.phones),
      contacts: records('contacts', codecs.contacts),
      lists: records('lists', codecs.lists),
      pages: records('pages', codecs.pages),
    },
    staleAfterFenceMs: 0,
    async clear() {
      await client.flushAll();
      return true;
    },
    journalChecked() {},
    health: () =>
      Promise.resolve({
        degraded: false,
        backend: 'redis',
        latencyMs: null,
        circuit: 'closed',
        memoryUsedBytes: null,
        entriesInMemory: 0,
        stalenessMs: null,
      }),
    [Symbol.asyncDispose]() {
      client.destroy();
      return Promise.resolve();
    },
  };
};
