import type { Secret } from '../domain/secret.ts';

/** The first signs, all verify. */
export type SigningSecrets = readonly [Secret<'signing-secret'>, ...Secret<'signing-secret'>[]];

const minBytes = 32;

// What templates and tutorials put into their secrets. It is taken out before the rest is judged.
const published =
  /secret|change.?(?:me|this|it)|password|example|default|insecure|production|replace|0123456789|1234567890|abcdefgh/gi;

/**
 * Whether a text may be 32 random bytes. No test can tell that a text is random; this one refuses what clearly is not: what
 * is too short, taken from a template, made of words, repeated, or made of few different characters or few different steps
 * from one character to the next (as `abcd1234` is).
 */
export const isStrongSecret = (text: string): boolean => {
  const own = text.replace(published, '');
  return (
    bytesOf(own) >= minBytes &&
    !isWords(own) &&
    !isRepeated(own) &&
    distinct(own) >= 10 &&
    distinct(steps(own)) >= 10
  );
};

/** How many bytes a text can stand for at most: a hexadecimal digit is half a byte. */
const bytesOf = (text: string): number =>
  /^[0-9a-f]+$/i.test(text) ? text.length / 2 : new TextEncoder().encode(text).length;

/** Whether there is nothing but lower-case letters and what separates words. */
const isWords = (text: string): boolean => /^[a-z\W_]*$/.test(text);

/** Whether the text is a shorter one repeated: then it is found in its own double before the second half. */
const isRepeated = (text: string): boolean => (text + text).indexOf(text, 1) < text.length;

const distinct = (items: Iterable<unknown>): number => new Set(items).size;

const steps = (text: string): readonly number[] =>
  Array.from(text.slice(1), (_, index) => text.charCodeAt(index + 1) - text.charCodeAt(index));
