const minBytes = 32;

// What templates and tutorials put into their secrets; it counts for nothing.
const published =
  /secret|change.?(?:me|this|it)|password|example|default|insecure|production|replace|0123456789|1234567890|abcdefgh/gi;

/**
 * Whether a text can be 32 random bytes. No test can tell that a text is random; this one refuses what is plainly not:
 * too short, taken from a template, words, repetitions, and texts of few characters or few steps (runs like `abcd1234`).
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

/** What a text can carry at most: a hexadecimal digit is half a byte. */
const bytesOf = (text: string): number =>
  /^[0-9a-f]+$/i.test(text) ? text.length / 2 : new TextEncoder().encode(text).length;

/** Lower-case letters and what stands between words. */
const isWords = (text: string): boolean => /^[a-z\W_]*$/.test(text);

/** Whether the text is one part over and over: then it is found in itself before its own length. */
const isRepeated = (text: string): boolean => (text + text).indexOf(text, 1) < text.length;

const distinct = (items: Iterable<unknown>): number => new Set(items).size;

const steps = (text: string): readonly number[] =>
  Array.from(text.slice(1), (_, index) => text.charCodeAt(index + 1) - text.charCodeAt(index));
