import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseSearch } from '../../domain/contact.ts';
import { parseIdentifier, parsePhone, parseUserId, parseUsernameKey } from '../../domain/identifiers.ts';
import { parseNewPassword } from '../../domain/password.ts';
import { type Parsed, parseLine, parseText } from '../../domain/text.ts';
import { lines, phones, texts } from '../support/unusual-inputs.ts';

const line = (input: string): Parsed<string> => parseLine(input, { minCodePoints: 1, maxCodePoints: 100 });
const text = (input: string): Parsed<string> => parseText(input, { minCodePoints: 0, maxCodePoints: 100 });

describe.each([
  ['a line', lines, line],
  ['a text', texts, text],
  ['a phone number', phones, parsePhone],
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
  const rules = { minCodePoints: 8, blocklist: { has: () => false } };
  expect(parseNewPassword(`correct horse battery${end}`, rules, { email: '', username: '' })).toMatchObject({
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
