import { LRUCache } from 'lru-cache';

type AnyMap = Pick<LRUCache<string, NonNullable<unknown>>, 'size' | 'calculatedSize' | 'pop' | 'clear'>;

export type MapBounds = {
  readonly maxEntries: number;
  /** Over the sizes that `set` is told; without it only the entries count. */
  readonly maxBytes?: number;
};

/**
 * Several maps that share two bounds. Where one is passed, the map that takes the most of it gives up what was used longest
 * ago, so no kind of thing can push out all others. Each map has its own keys: an entry needs no name that is unlike those
 * of other maps, and the fastest look-ups build no string.
 */
export class BoundedMaps {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #maps: AnyMap[] = [];

  constructor({ maxEntries, maxBytes = Number.MAX_SAFE_INTEGER }: MapBounds) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** The entries of all maps. */
  get size(): number {
    let size = 0;
    for (const map of this.#maps) size += map.size;
    return size;
  }

  /** One more map. `evicted` hears of each value that a bound pushed out. */
  open<V extends NonNullable<unknown>>(evicted?: (value: V) => void): BoundedMap<V> {
    const map = new LRUCache<string, V>({
      maxSize: this.#maxBytes,
      ...(evicted && {
        dispose: (value, _key, reason) => {
          if (reason === 'evict') evicted(value);
        },
      }),
    });
    this.#maps.push(map);
    return new BoundedMap(map, () => this.#fit(map));
  }

  clear(): void {
    for (const map of this.#maps) map.clear();
  }

  /** Whatever goes, what was just set in `latest` stays. */
  #fit(latest: AnyMap): void {
    while (this.size > this.#maxEntries) this.#largest(latest, ({ size }) => size)?.pop();
    while (this.#bytes() > this.#maxBytes)
      this.#largest(latest, ({ calculatedSize }) => calculatedSize)?.pop();
  }

  #bytes(): number {
    let bytes = 0;
    for (const map of this.#maps) bytes += map.calculatedSize;
    return bytes;
  }

  #largest(latest: AnyMap, measure: (map: AnyMap) => number): AnyMap | undefined {
    let largest: AnyMap | undefined;
    for (const map of this.#maps) {
      if (map === latest && map.size === 1) continue;
      if (largest === undefined || measure(map) > measure(largest)) largest = map;
    }
    return largest;
  }
}

/** One of several maps. */
export class BoundedMap<V extends NonNullable<unknown>> {
  readonly #entries: LRUCache<string, V>;
  readonly #fit: () => void;

  constructor(entries: LRUCache<string, V>, fit: () => void) {
    this.#entries = entries;
    this.#fit = fit;
  }

  /** The value, which from now on is the one used last. */
  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** The value, whose use does not count. */
  peek(key: string): V | undefined {
    return this.#entries.peek(key);
  }

  /** Keeps a value, unless it alone is larger than the bound. */
  set(key: string, value: V, bytes = 1): void {
    this.#entries.set(key, value, { size: bytes });
    this.#fit();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
