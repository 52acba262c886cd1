import { LRUCache } from 'lru-cache';
import { defaultMaxMemoryBytes } from '../../application/caching/values.ts';
import type { Cache, CacheHealth, Caches, TtlsMs } from '../../domain/ports/cache.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import { type Entry, MemoryRecords, type MemoryStore } from './memory-records.ts';

/** Its time and chance, and its bounds. */
export type MemoryCacheOptions = {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Values and leases of all kinds together. */
  readonly maxEntries: number;
  /** The same by `sizeOf`. */
  readonly maxBytes?: number;
  readonly ttlsMs: TtlsMs;
  readonly leaseMs?: number;
  /** Longer than the longest transaction. */
  readonly fenceTtlMs?: number;
};

/**
 * The whole cache of a single process. Every change of the database behind it goes through this process, or through the
 * journal, so each step of the protocol is a step on a map and no bound on staleness has to be waited for.
 */
export class MemoryCache implements Cache {
  readonly caches: Caches;
  readonly staleAfterFenceMs = 0;
  readonly #store: MemoryStore;

  constructor(options: MemoryCacheOptions) {
    const { clock, ids, maxEntries, maxBytes = defaultMaxMemoryBytes } = options;
    const { ttlsMs, leaseMs = 5_000, fenceTtlMs = 30_000 } = options;
    const entries = new LRUCache<string, Entry>({ max: maxEntries, maxSize: maxBytes });
    const store: MemoryStore = { entries, fences: new Map(), clock, ids, leaseMs, fenceTtlMs };
    this.#store = store;
    this.caches = {
      users: new MemoryRecords('users', ttlsMs.users, store),
      profiles: new MemoryRecords('profiles', ttlsMs.profiles, store),
      emails: new MemoryRecords('emails', ttlsMs.emails, store),
      usernames: new MemoryRecords('usernames', ttlsMs.usernames, store),
      phones: new MemoryRecords('phones', ttlsMs.phones, store),
      contacts: new MemoryRecords('contacts', ttlsMs.contacts, store),
      lists: new MemoryRecords('lists', ttlsMs.lists, store),
      pages: new MemoryRecords('pages', ttlsMs.pages, store),
    };
  }

  clear(): Promise<boolean> {
    this.#store.entries.clear();
    return Promise.resolve(true);
  }

  /** Nothing hangs on the journal here but the replays themselves. */
  journalChecked(): void {}

  health(): Promise<CacheHealth> {
    return Promise.resolve({
      degraded: false,
      backend: 'memory',
      latencyMs: null,
      circuit: 'closed',
      memoryUsedBytes: null,
      entriesInMemory: this.#store.entries.size,
      // The bus is a function call: it always proves.
      stalenessMs: 0,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#store.entries.clear();
    return Promise.resolve();
  }
}
