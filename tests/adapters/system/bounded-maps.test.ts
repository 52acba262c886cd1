import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedMaps } from '../../../adapters/system/bounded-maps.ts';

describe('maps with shared bounds', () => {
  it('never hold more entries or bytes together, whatever is set, and keep what was set last', () => {
    const step = fc.record({
      map: fc.nat({ max: 2 }),
      key: fc.nat({ max: 30 }),
      bytes: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const maps = new BoundedMaps({ maxEntries: 8, maxBytes: 100 });
        const opened = [maps.open<number>(), maps.open<number>(), maps.open<number>()];
        for (const { map, key, bytes } of steps) {
          opened[map]?.set(`${key}`, bytes, bytes);
          const held = opened.flatMap((one) => Array.from({ length: 31 }, (_, k) => one.peek(`${k}`) ?? 0));
          expect(maps.size).toBe(held.filter((size) => size > 0).length);
          expect(maps.size).toBeLessThanOrEqual(8);
          expect(held.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(100);
          expect(opened[map]?.peek(`${key}`)).toBe(bytes);
        }
      }),
    );
  });

  it('let the map that takes the most give up what was used longest ago', () => {
    const maps = new BoundedMaps({ maxEntries: 4 });
    const [large, small] = [maps.open<string>(), maps.open<string>()];
    small.set('a', 'of the small one');
    for (const key of ['a', 'b', 'c']) large.set(key, key);
    large.get('a');
    large.set('d', 'd');
    expect(small.peek('a')).toBe('of the small one');
    expect(['a', 'b', 'c', 'd'].map((key) => large.peek(key))).toEqual(['a', undefined, 'c', 'd']);
  });

  it('tell of what a bound pushed out, and of nothing that was deleted or set anew', () => {
    const evicted: number[] = [];
    const maps = new BoundedMaps({ maxEntries: 2 });
    const map = maps.open<number>((value) => evicted.push(value));
    map.set('a', 1);
    map.set('a', 2);
    map.delete('a');
    for (const n of [3, 4, 5]) map.set(`${n}`, n);
    expect(evicted).toEqual([3]);
    maps.clear();
    expect([evicted, maps.size]).toEqual([[3], 0]);
  });

  it('give the same key to each map anew', () => {
    const maps = new BoundedMaps({ maxEntries: 10 });
    const [one, other] = [maps.open<number>(), maps.open<number>()];
    one.set('key', 1);
    expect(other.get('key')).toBeUndefined();
  });
});
