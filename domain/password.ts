import type { PasswordBlocklist } from './ports/security.ts';
import { ok } from './result.ts';
import { type Password, Secret } from './secret.ts';
import { countCodePoints, invalid, type Parsed, parseWellFormed } from './text.ts';

/** Limits of NIST SP 800-63B-4, section 3.1.1.2; the maximum in bytes bounds the hashing. */
export const passwordLimits = {
  defaultMinCodePoints: 15,
  floorMinCodePoints: 8,
  maxCodePoints: 128,
  maxBytes: 512,
};

/** What a password must not be made of, in canonical form. */
export type PasswordContext = { readonly email: string; readonly username: string };

/** What is asked of a password that somebody chooses. */
export type PasswordRules = { readonly minCodePoints: number; readonly blocklist: PasswordBlocklist };

/**
 * A new password. It is brought into NFKC and not changed otherwise. There are no rules about kinds of characters (the
 * NIST guideline forbids them). Refused is what is too short or too long; control characters; what repeats one character or counts
 * (`123456789...`) from beginning to end; a common password, also repeated or with such a sequence behind it; and the
 * email, the part before its @, the username or the name of this service, repeated or almost alone.
 */
export const parseNewPassword = (
  input: unknown,
  { minCodePoints, blocklist }: PasswordRules,
  context: PasswordContext,
): Parsed<Password> => {
  const text = parseWellFormed(input, 'NFKC', passwordLimits.maxCodePoints);
  if (!text.ok) return text;
  // A line end that was pasted with it, for example: nobody would type it again.
  if (hasControl(text.value)) return invalid('forbidden-character', 'no control characters are expected');
  const length = countCodePoints(text.value);
  if (length < minCodePoints)
    return invalid('too-short', `at least ${minCodePoints} characters are expected`);
  if (isTooLong(text.value, length)) {
    return invalid('too-long', `at most ${passwordLimits.maxCodePoints} characters are expected`);
  }
  const plain = text.value.toLowerCase();
  const guesses = [context.email, context.email.split('@')[0] ?? '', context.username, 'kith'];
  if (guesses.some((guess) => isMadeOf(plain, guess))) {
    return invalid('too-guessable', 'a password that cannot be guessed from the account is expected');
  }
  if (isRun(plain) || isCommon(plain, blocklist)) {
    return invalid('too-guessable', 'a password that is not among the first ones tried is expected');
  }
  return ok(new Secret(text.value));
};

/**
 * A password that somebody logs in with. `undefined` if no account can have it: the caller then spends a hash all the same
 * and answers as for any other wrong password.
 */
export const parsePresentedPassword = (input: string): Password | undefined => {
  const text = parseWellFormed(input, 'NFKC', passwordLimits.maxCodePoints);
  if (!text.ok || isTooLong(text.value, countCodePoints(text.value))) return undefined;
  return new Secret(text.value);
};

const hasControl = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
};

const isTooLong = (text: string, codePoints: number): boolean =>
  codePoints > passwordLimits.maxCodePoints ||
  new TextEncoder().encode(text).length > passwordLimits.maxBytes;

/** Whether a text is `word` over and over, with at most two other characters: `alicealicealice1`. */
const isMadeOf = (text: string, word: string): boolean =>
  word.length >= 3 && text.includes(word) && text.replaceAll(word, '').length <= 2;

/** Whether a text is on the list, or a word on it over and over, or one with a run of digits behind it. */
const isCommon = (text: string, blocklist: PasswordBlocklist): boolean => {
  const [, repeated] = /^(.{3,}?)\1+$/su.exec(text) ?? [];
  const [, word, tail] = /^(.*\D)(\d{3,})$/su.exec(text) ?? [];
  return (
    blocklist.has(text) ||
    (repeated !== undefined && blocklist.has(repeated)) ||
    (word !== undefined && tail !== undefined && blocklist.has(word) && isRun(tail))
  );
};

/** Whether each character is the one before it or its neighbour, all in one direction: `aaaa`, `abcd`, `9876`, `8901`. */
const isRun = (text: string): boolean => {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, index) => step(codes[index] ?? 0, code));
  return steps.every((each) => Math.abs(each) <= 1 && each === steps[0]);
};

/** 9 is followed by 0, as on a keyboard. */
const step = (from: number, to: number): number => {
  const [nine, zero] = [0x39, 0x30];
  if (from === nine && to === zero) return 1;
  return from === zero && to === nine ? -1 : to - from;
};
