import { hasForbidden, hasLineBreak, isVisible, trimmed } from './code-points.ts';
import type { Issue, IssueCode } from './issue.ts';
import { fail, ok, type Result } from './result.ts';

/** The value of a field, or what is wrong with it. */
export type Parsed<T> = Result<T, { readonly code: IssueCode; readonly detail: string }>;

export const invalid = (
  code: IssueCode,
  detail: string,
): { ok: false; error: { code: IssueCode; detail: string } } => fail({ code, detail });

/** A field before it is parsed, as a person types it: a string for every kind of text, and `null` for none. */
export type Unparsed<T> = T extends string ? string : T extends readonly string[] ? readonly string[] : T;

export type TextLimits = { readonly minCodePoints: number; readonly maxCodePoints: number };

/**
 * Free text of several lines, in NFC, with line feeds for every end of a line; its length is counted in code points.
 * Refuses what is not well formed (a lone surrogate, which PostgreSQL and Redis would fold together), control characters
 * but for tab and line feed, what turns the direction of text around or hides in it, and noncharacters (code-points.ts).
 * Everything else is somebody's script, and is accepted, also what is not assigned yet.
 */
export const parseText = (input: unknown, limits: TextLimits): Parsed<string> => {
  const text = parseWellFormed(input, 'NFC', limits.maxCodePoints);
  return text.ok ? checkText(text.value.replace(/\r\n?/g, '\n'), limits) : text;
};

/** Free text of one line: without white space at its ends, tabs, and breaks. */
export const parseLine = (input: unknown, limits: TextLimits): Parsed<string> => {
  const text = parseWellFormed(input, 'NFC', limits.maxCodePoints);
  if (!text.ok) return text;
  const line = trimmed(text.value);
  if (hasLineBreak(line)) return invalid('forbidden-character', 'one line without tabs is expected');
  return checkText(line, limits);
};

const checkText = (text: string, { minCodePoints, maxCodePoints }: TextLimits): Parsed<string> => {
  const length = countCodePoints(text);
  if (length < minCodePoints)
    return invalid('too-short', `at least ${minCodePoints} characters are expected`);
  if (length > maxCodePoints) return invalid('too-long', `at most ${maxCodePoints} characters are expected`);
  if (hasForbidden(text)) {
    return invalid('forbidden-character', 'control characters and what hides in text are not accepted');
  }
  if (minCodePoints > 0 && !isVisible(text)) return invalid('too-short', 'something visible is expected');
  return ok(text);
};

/**
 * The canonical form of an identifier: of usual width, in lower case, trimmed (RFC 8265, 3.3). The unique indexes, the cache
 * keys and the limiter all see this form and no other. Not NFKC, which grows with each version of Unicode: of two
 * runtimes one would take for an `s` what the other refuses.
 */
export const canonicalIdentifier = (input: unknown, maxCodePoints: number): Parsed<string> => {
  const text = parseWellFormed(input, 'NFC', maxCodePoints);
  return text.ok ? ok(ofUsualWidth(text.value).toLowerCase().trim()) : text;
};

/** The full-width forms of ASCII, as keyboards for Chinese and Japanese write them. */
export const ofUsualWidth = (text: string): string =>
  text.replace(/[\uff01-\uff5e]/g, (character) => String.fromCharCode(character.charCodeAt(0) - 0xfee0));

/** A well-formed string in the given normal form; a text far over its limit is refused before any work on it. */
export const parseWellFormed = (
  input: unknown,
  form: 'NFC' | 'NFKC',
  maxCodePoints: number,
): Parsed<string> => {
  if (input === undefined) return invalid('required', 'a value is expected');
  if (typeof input !== 'string') return invalid('invalid-type', 'a string is expected');
  // Normalising makes a text shorter by a factor of 4 at most.
  if (input.length > maxCodePoints * 8 + 64) {
    return invalid('too-long', `at most ${maxCodePoints} characters are expected`);
  }
  if (!input.isWellFormed()) return invalid('not-well-formed', 'well-formed Unicode is expected');
  return ok(input.normalize(form));
};

export const countCodePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

type Outcomes = { readonly [field: string]: Parsed<unknown> | undefined };
type Values<T extends Outcomes> = {
  readonly [K in keyof T]: Exclude<T[K], undefined> extends Parsed<infer V>
    ? undefined extends T[K]
      ? V | undefined
      : V
    : never;
};

/** All the fields' values, or all of their issues: the first wrong field does not hide the second. */
export const collect = <T extends Outcomes>(fields: T): Result<Values<T>, readonly Issue[]> => {
  const issues: Issue[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, outcome] of Object.entries(fields)) {
    if (outcome === undefined) continue;
    if (outcome.ok) values[name] = outcome.value;
    else issues.push({ path: [name], ...outcome.error });
  }
  return issues.length > 0 ? fail(issues) : ok(values as Values<T>);
};

/** `null` stays `null`, anything else is parsed. */
export const nullable = <T>(input: unknown, parse: (input: unknown) => Parsed<T>): Parsed<T | null> =>
  input === null ? ok(null) : parse(input);

/** `undefined` (not sent) stays undefined, anything else is parsed. */
export const optional = <T>(input: unknown, parse: (input: unknown) => Parsed<T>): Parsed<T> | undefined =>
  input === undefined ? undefined : parse(input);
