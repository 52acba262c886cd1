import { isOfDomain, isOfDomainFromRight, trimmed } from './code-points.ts';
import { type Brand, type Email, emailLimits, parseEmail } from './identifiers.ts';
import { ok } from './result.ts';
import { invalid, ofUsualWidth, type Parsed, parseWellFormed } from './text.ts';

/** An address as it was typed, in NFC, whose domain is not all ASCII: `Ann@münchen.de`. What is before the `@` is. */
export type InternationalEmail = Brand<string, 'InternationalEmail'>;
/** The address of somebody who need not be a user. */
export type ContactEmail = Email | InternationalEmail;

/**
 * The address of a contact. One in ASCII is canonical, as that of an account. One with an internationalised domain (RFC 5890)
 * stays as it was typed, and is right if it is with that domain in its ASCII form, which is also what its length is counted in.
 * No other script stands before the `@` (RFC 6531).
 */
export const parseContactEmail = (input: unknown): Parsed<ContactEmail> => {
  const ascii = parseEmail(input);
  if (ascii.ok) return ascii;
  const text = parseWellFormed(input, 'NFC', emailLimits.maxCodePoints);
  if (!text.ok) return text;
  const typed = trimmed(ofUsualWidth(text.value).normalize('NFC'));
  const [, local = '', domain = ''] = /^([^@]*)@([^@]*)$/.exec(typed) ?? [];
  if (domain !== '' && !isAscii(local))
    return invalid(
      'invalid-format',
      'an address that is ASCII before the @ is expected, like name@münchen.de',
    );
  if (isAscii(domain)) return ascii;
  const asciiDomain = toAsciiDomain(domain);
  if (asciiDomain === undefined)
    return invalid('invalid-format', 'a domain is expected after the @, like münchen.de');
  const whole = parseEmail(`${local}@${asciiDomain}`);
  return whole.ok ? ok(typed as InternationalEmail) : whole;
};

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/**
 * The form with `xn--` of a domain that is not all ASCII (UTS 46), by the parser of URLs. The parsers of runtimes differ in
 * what they know of Unicode and in the rule for labels that are written from the right, so they are asked only where they
 * agree: code points that are written down, and a narrower form of that rule (RFC 5893).
 */
const toAsciiDomain = (domain: string): string | undefined => {
  const characters = [...domain].map((character) => character.codePointAt(0) ?? 0);
  const isLabel = characters.some(isOfDomainFromRight) ? isLabelBesideRight : isLabelFromLeft;
  const labels = domain.split('.');
  if (!labels.every((label) => isLabel(label) && !/^-|-$/.test(label))) return undefined;
  return URL.parse(`https://${domain}`)?.hostname;
};

/** What begins with `xn--` is encoded already, and another typed form of it is not decoded here. */
const asciiLabel = /^(?!xn--)[a-z0-9-]+$/i;

const isLabelFromLeft = (label: string): boolean =>
  asciiLabel.test(label) || isOf(label, (code) => isOfDomain(code) || isAsciiOfDomain(code));

/** In a domain with a label that is written from the right, the others are ASCII from a letter on. */
const isLabelBesideRight = (label: string): boolean =>
  asciiLabel.test(label)
    ? /^[a-z]/i.test(label)
    : isOfDomainFromRight(label.codePointAt(0) ?? 0) &&
      isOf(label, (code) => isOfDomainFromRight(code) || isDigitOrHyphen(code));

const isOf = (label: string, isIn: (code: number) => boolean): boolean =>
  label !== '' && [...label].every((character) => isIn(character.codePointAt(0) ?? 0));

const isDigitOrHyphen = (code: number): boolean => /^[0-9-]$/.test(String.fromCodePoint(code));
const isAsciiOfDomain = (code: number): boolean => /^[a-z0-9-]$/i.test(String.fromCodePoint(code));
