import { type Codec, schema } from '../../application/caching/codecs.ts';
import type { Cacheable, CacheRead, Hit } from '../../domain/ports/cache.ts';

/** What a key holds, as text: `F:<token>`, a fence; `L:<token>`, a lease; `V<schema><json>`, a value. */
export const fenceOf = (token: string): string => `F:${token}`;
export const leaseOf = (token: string): string => `L:${token}`;
const valuePrefix = `V${schema}`;

/** The text of a value, or `undefined` if it is larger than a value may be. */
export const textOf = <V extends Cacheable>(
  value: V,
  key: string,
  codec: Codec<V>,
  maxBytes: number,
): string | undefined => {
  const text = valuePrefix + codec.encode(value, key);
  return isWithin(text, maxBytes) ? text : undefined;
};

export const fenced: CacheRead<never> = { state: 'fenced' };
export const filling: CacheRead<never> = { state: 'filling' };
export const unavailable: CacheRead<never> = { state: 'unavailable' };

/** What was read from a key that is not absent. */
export const parseEntry = <V extends Cacheable>(
  text: string,
  key: string,
  codec: Codec<V>,
  maxBytes: number,
): CacheRead<V> | 'unreadable' => {
  if (text.startsWith(valuePrefix)) {
    const value = isWithin(text, maxBytes) ? codec.decode(text.slice(valuePrefix.length), key) : undefined;
    return value === undefined ? 'unreadable' : ({ state: 'hit', value, source: 'redis' } satisfies Hit<V>);
  }
  if (text.startsWith('F:')) return fenced;
  return text.startsWith('L:') ? filling : 'unreadable';
};

/** Whether a text has at most so many bytes in UTF-8, counted only where it could be more. */
export const isWithin = (text: string, maxBytes: number): boolean =>
  text.length * 3 <= maxBytes ||
  (text.length <= maxBytes && new TextEncoder().encode(text).length <= maxBytes);
