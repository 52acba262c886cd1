import type { Cacheable, CachePort, Caches, RecordKind } from '../../domain/ports/cache.ts';
import { isHole, wordsOf } from './keys.ts';

/**
 * The ports of a cache for its kinds: what every adapter answers to `of`. Throws if the kinds could be confused with one
 * another.
 */
export const portsOf = (
  kinds: readonly RecordKind<Cacheable>[],
  open: <V extends Cacheable>(kind: RecordKind<V>) => CachePort<V>,
): Caches => {
  checkKinds(kinds);
  const ports = new Map(kinds.map((kind) => [kind.name, { codec: kind.codec, port: open(kind) }]));
  return {
    kinds,
    of: <V extends Cacheable>(kind: RecordKind<V>): CachePort<V> => {
      const found = ports.get(kind.name);
      if (found === undefined || found.codec !== kind.codec)
        throw new Error(`this cache was not made with the kind ${kind.name}`);
      // It was opened for this very codec, and so for its type.
      return found.port as CachePort<V>;
    },
  };
};

const namePattern = /^[a-z][a-z0-9-]{0,63}$/;
const wordPattern = /^(?:[a-z][a-z0-9-]*|\{[a-z][a-z0-9-]*\})$/;
/** What the bus says of all kinds at once. */
const reserved = 'everything';

/** Throws, and says why, unless every kind is well formed and no two have the same name or a name in common. */
export const checkKinds = (kinds: readonly RecordKind<Cacheable>[]): void => {
  for (const [index, { name, pattern, isHint, origin, ttlMs }] of kinds.entries()) {
    const words = wordsOf(pattern);
    const holes = words.filter(isHole).length;
    if (!namePattern.test(name) || name === reserved) throw new Error(`${name} cannot be the name of a kind`);
    if (!words.every((word) => wordPattern.test(word)) || isHole(pattern))
      throw new Error(`the pattern ${pattern} of ${name} is not a word and further words and {parts}`);
    if (holes === 0) throw new Error(`the pattern ${pattern} of ${name} has no {part}`);
    if (isHint && holes > 1) throw new Error(`the key of the hint ${name} has more than one part`);
    if (isHint !== (origin === undefined)) throw new Error(`${name} has to be a hint or to have an origin`);
    if (!(ttlMs > 0 && Number.isFinite(ttlMs))) throw new Error(`the TTL of ${name} is not a time`);
    for (const other of kinds.slice(0, index)) {
      if (other.name === name) throw new Error(`two kinds are called ${name}`);
      if (!areApart(words, wordsOf(other.pattern)))
        throw new Error(`${name} and ${other.name} could give two records the same name`);
    }
  }
};

/** Whether no name fits both patterns: they differ in length, or in a word that both of them fix. */
const areApart = (some: readonly string[], others: readonly string[]): boolean =>
  some.length !== others.length ||
  some.some((word, index) => {
    const other = others[index] ?? '';
    return !isHole(word) && !isHole(other) && word !== other;
  });
