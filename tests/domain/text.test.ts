import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseContactDraft, parseSearch } from '../../domain/contact.ts';
import { parseContactEmail } from '../../domain/contact-email.ts';
import {
  parseEmail,
  parseIdentifier,
  parsePhone,
  parseUserId,
  parseUsernameKey,
} from '../../domain/identifiers.ts';
import { parseNewPassword } from '../../domain/password.ts';
import { Secret } from '../../domain/secret.ts';
import { type Parsed, parseLine, parseText } from '../../domain/text.ts';
import { parseUrl } from '../../domain/user.ts';
import {
  birthdays,
  contactEmails,
  emails,
  lines,
  passwords,
  phones,
  texts,
  urls,
} from '../support/unusual-inputs.ts';

const line = (input: string): Parsed<string> => parseLine(input, { minCodePoints: 1, maxCodePoints: 100 });
const text = (input: string): Parsed<string> => parseText(input, { minCodePoints: 0, maxCodePoints: 100 });

const birthday = (input: string) => {
  const draft = parseContactDraft({ firstName: 'Ann', birthday: input });
  return draft.ok ? { ok: true, value: draft.value.birthday } : draft;
};
const password = (input: string) => {
  const isGuessable = (text: string): boolean => {
    if (text.length > 512) throw new Error('what is too long is judged all the same');
    return false;
  };
  const parsed = parseNewPassword(input, { minCodePoints: 8, strength: { isGuessable } }, nobody);
  return parsed.ok ? { ok: true, value: Secret.reveal(parsed.value) } : parsed;
};
const nobody = { email: '', username: '' };

describe.each([
  ['a line', lines, line],
  ['a text', texts, text],
  ['a phone number', phones, parsePhone],
  ['a URL', urls, parseUrl],
  ['the email of a contact', contactEmails, parseContactEmail],
  ['the email of an account', emails, parseEmail],
  ['a day of birth', birthdays, birthday],
  ['a new password', passwords, password],
] as const)('%s', (_what, { accepted, refused }, parse) => {
  it.each(accepted)('%j becomes %j: %s', (input, stored) => {
    expect(parse(input)).toEqual({ ok: true, value: stored });
  });
  it.each(accepted)('what %j becomes, %j, stays as it is', (_input, stored) => {
    expect(parse(stored)).toEqual({ ok: true, value: stored });
  });
  it.each(refused)('%j is refused: %s', (input) => {
    expect(parse(input)).toMatchObject({ ok: false });
  });
});

it.each(phones.accepted)('who registered with %j logs in with the same text', (typed, stored) => {
  expect(parseIdentifier(typed)).toEqual({ ok: true, value: { kind: 'phone', value: stored } });
});

it.each([
  ['+49 170 1234567', '+491701234567', ['+49', '170', '1234567']],
  ['0170 1234567', '1701234567', ['0170', '1234567']],
  ['170-12', '17012', ['170-12']],
  ['12', undefined, ['12']],
  ['Ann 12345 ann', undefined, ['ann', '12345']],
  ['\u0301', undefined, []],
] as const)('a search for %j looks for the digits %j or the words %j', (typed, digits, words) => {
  expect(parseSearch(typed)).toEqual({ ok: true, value: { words, digits } });
});

it.each(['\n', '\r\n', '\u0000', '\u0085'])('a new password with a pasted %j is refused', (end) => {
  const rules = { minCodePoints: 8, strength: { isGuessable: () => false } };
  expect(parseNewPassword(`correct horse battery${end}`, rules, nobody)).toMatchObject({
    ok: false,
    error: { code: 'forbidden-character' },
  });
});

it.each(['00000000-0000-0000-0000-000000000001', 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'])(
  'an id is whatever PostgreSQL takes for a UUID: %s',
  (id) => {
    expect(parseUserId(id.toUpperCase())).toEqual({ ok: true, value: id });
  },
);

// The runtimes have tables of their own, of different versions. Nothing that is decided here may depend on them.
it('every code point is taken in the same way by every runtime', () => {
  const answers = createHash('sha256');
  const shown = (outcome: Parsed<string>): string => (outcome.ok ? 'taken' : outcome.error.code);
  const counts = new Map<string, number>();
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    const all = [
      shown(line(`a${character}b`)),
      shown(line(character)),
      shown(text(character)),
      shown(parseUsernameKey(`abc${character}d`)),
      shown(parsePhone(`+4917${character}1234567`)),
    ].join(' ');
    counts.set(all, (counts.get(all) ?? 0) + 1);
    answers.update(`${all}\n`);
  }
  expect(Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))).toMatchInlineSnapshot(`
    {
      "forbidden-character forbidden-character forbidden-character invalid-format invalid-format": 125,
      "forbidden-character forbidden-character forbidden-character invalid-format taken": 16,
      "forbidden-character too-short forbidden-character invalid-format taken": 3,
      "forbidden-character too-short taken invalid-format taken": 5,
      "not-well-formed not-well-formed not-well-formed not-well-formed not-well-formed": 2048,
      "taken taken taken invalid-format invalid-format": 1107381,
      "taken taken taken invalid-format taken": 227,
      "taken taken taken taken invalid-format": 107,
      "taken taken taken taken taken": 24,
      "taken too-short taken invalid-format taken": 4176,
    }
  `);
  expect(answers.digest('hex')).toMatchInlineSnapshot(
    `"c24454076ddf0faf559b436ad2f059321b6443706410f322b33c7eeb5b673ab4"`,
  );
}, 120_000);

const shownEmail = (input: string): string => {
  const outcome = parseContactEmail(input);
  return outcome.ok ? 'taken' : outcome.error.code;
};

it('accounts have their email in ASCII', () => {
  const international = contactEmails.accepted.filter(([, stored]) => /[^\0-\x7f]/.test(stored));
  expect(international.length).toBeGreaterThan(10);
  for (const [input] of international) expect(parseEmail(input)).toMatchObject({ ok: false });
});

it('says of an address with another script before the @ what is expected', () => {
  expect(parseContactEmail('jürgen@münchen.de')).toEqual({
    ok: false,
    error: {
      code: 'invalid-format',
      detail: 'an address that is ASCII before the @ is expected, like name@münchen.de',
    },
  });
});

it('the length of an address is counted in its ASCII form', () => {
  // 61 characters in ASCII.
  const label = 'ü'.repeat(55);
  const of = (length: number): string => `user@${`${label}.`.repeat(3)}${'a'.repeat(length)}.de`;
  const asciiLength = (length: number): number =>
    'user@'.length + new URL(`https://${of(length).slice('user@'.length)}`).hostname.length;
  expect(asciiLength(60)).toBe(254);
  expect(shownEmail(of(60))).toBe('taken');
  expect(shownEmail(of(61))).toBe('too-long');
});

// The parsers of URLs differ: in what they know of Unicode, and in the rule for what is written from the right.
it('every code point, and many of them together, are taken in a domain in the same way by every runtime', () => {
  const answers = createHash('sha256');
  const taken: string[] = [];
  let count = 0;
  for (let code = 0x80; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    // Beyond the first plane all are as they are alone.
    const labels = code > 0xffff ? [character] : [character, `a${character}b`, `א${character}א`];
    const all = labels.map((label) => shownEmail(`x@${label}.de`));
    if (all.includes('taken')) count++;
    if (all[0] === 'taken') taken.push(character);
    answers.update(`${all.join(' ')}\n`);
  }
  // Of any sequence of numbers, as long as it is the same one everywhere.
  let seed = 20261127;
  const below = (end: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * end);
  };
  const labelNear = (place: number): string =>
    Array.from({ length: 1 + below(5) }, () =>
      below(6) === 0 ? 'aZ19-'[below(5)] : taken[Math.min(taken.length - 1, place + below(60))],
    ).join('');
  let domains = 0;
  for (let n = 0; n < 100_000; n++) {
    // Most of them are Chinese: the smaller scripts come first, and would hardly come up.
    const place = () => below(below(4) === 0 ? taken.length : 4_000);
    const ends = ['de', 'קום', '1a', labelNear(place())];
    const domain = `${labelNear(place())}.${ends[below(4)]}`;
    const outcome = shownEmail(`x@${domain}`);
    if (outcome === 'taken') domains++;
    answers.update(`${domain} ${outcome}\n`);
  }
  expect([count, taken.length, domains]).toMatchInlineSnapshot(`
    [
      113707,
      113187,
      66341,
    ]
  `);
  expect(answers.digest('hex')).toMatchInlineSnapshot(
    `"d6f74f25c3f418ef0245773b8bea9be471372a668e591135322a8dec4bf4e412"`,
  );
}, 120_000);
