import type { PasswordStrength } from './ports/security.ts';
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

/** What others know of the account, in canonical form. */
export type PasswordContext = { readonly email: string; readonly username: string };

/** What is asked of a password that somebody chooses. */
export type PasswordRules = { readonly minCodePoints: number; readonly strength: PasswordStrength };

/**
 * A new password. It is brought into NFKC and not changed otherwise. There are no rules about kinds of characters (the
 * NIST guideline forbids them). Refused is what is too short or too long, control characters, and what would soon be guessed,
 * also by somebody who knows the email, the username and the name of this service.
 */
export const parseNewPassword = (
  input: unknown,
  { minCodePoints, strength }: PasswordRules,
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
  const known = [context.email, context.email.split('@')[0] ?? '', context.username, 'kith'];
  const expected = 'a password that is hard to guess is expected, also for somebody who knows this account';
  if (
    strength.isGuessable(
      text.value,
      known.filter((each) => each !== ''),
    )
  )
    return invalid('too-guessable', expected);
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
