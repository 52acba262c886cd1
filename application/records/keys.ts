import type { Cacheable, RecordKind } from '../../domain/ports/cache.ts';

/**
 * The key of a record from its parts. Different parts never give the same key: a colon or a percent sign inside one of
 * several parts is escaped (percent-encoding, RFC 3986). A single part is its own key, so that the hottest look-ups, by
 * id or email, build no string.
 */
export const keyOf = (part: string, ...more: readonly string[]): string =>
  more.length === 0 ? part : [part, ...more].map(escapePart).join(':');

/** The parts of a key that was made of several. */
export const partsOf = (key: string): readonly string[] => key.split(':').map(unescapePart);

/**
 * How a store that all kinds share names the records of one kind: its pattern with the parts of the key in place. Two
 * records never have the same name, since no two patterns of a cache fit the same name (`checkKinds`) and no part holds a
 * colon. `hide` replaces the key of a hint by what tells nothing about it.
 */
export const nameIn = (
  { name, pattern, isHint }: RecordKind<Cacheable>,
  hide: (key: string) => string,
): ((key: string) => string) => {
  const words = wordsOf(pattern);
  const holes = words.filter(isHole).length;
  const at = words.findIndex(isHole);
  if (holes === 1) {
    const before = [...words.slice(0, at), ''].join(':');
    const after = ['', ...words.slice(at + 1)].join(':');
    return isHint ? (key) => before + hide(key) + after : (key) => before + escapePart(key) + after;
  }
  return (key) => {
    const parts = key.split(':');
    if (parts.length !== holes) throw new Error(`a key of ${name} has ${holes} parts`);
    let next = 0;
    return words.map((word) => (isHole(word) ? parts[next++] : word)).join(':');
  };
};

/** The words and parts of a pattern. */
export const wordsOf = (pattern: string): readonly string[] => pattern.split(':');

export const isHole = (word: string): boolean => word.startsWith('{');

const escapePart = (part: string): string =>
  /[%:]/.test(part) ? part.replaceAll('%', '%25').replaceAll(':', '%3A') : part;

const unescapePart = (part: string): string => part.replaceAll('%3A', ':').replaceAll('%25', '%');
