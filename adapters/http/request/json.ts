import { fail, ok, type Result } from '../../../domain/result.ts';

export const maxJsonDepth = 20;

/** The value of a JSON text, or one sentence that says why it is refused. */
export const parseJson = (text: string): Result<unknown, string> => {
  try {
    // V8's parser is not recursive: 64 KiB of brackets do not overflow the stack.
    const value: unknown = JSON.parse(text);
    const flaw = flawOf(text);
    return flaw === undefined ? ok(value) : fail(flaw);
  } catch {
    return fail('The body is not valid JSON.');
  }
};

/**
 * What is wrong with a valid JSON text: it is too deep, or has a name twice in one object. Of the two, `JSON.parse`
 * takes the last, and other parsers the first (RFC 7493, section 2.3). It is one pass without recursion.
 */
const flawOf = (text: string): string | undefined => {
  /** The names seen in each open object; `undefined` for an open array. */
  const open: (Set<string> | undefined)[] = [];
  /** The last character that is neither white space nor part of a literal or string. */
  let structure = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && (structure === '{' || structure === ',')) {
        const name = String(JSON.parse(text.slice(at, end + 1)));
        if (names.has(name)) return 'The body has a member name twice in one object.';
        names.add(name);
      }
      at = end;
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > maxJsonDepth) return `The body is nested deeper than ${maxJsonDepth}.`;
      structure = character;
    } else if (character === '}' || character === ']') {
      open.pop();
      structure = character;
    } else if (character === ',' || character === ':') {
      structure = character;
    }
  }
  return undefined;
};

/** The index of the quote that ends the string which starts at `start`. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
};
