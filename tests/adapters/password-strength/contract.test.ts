import { describe, expect, it } from 'vitest';
import { ZxcvbnStrength } from '../../../adapters/password-strength/zxcvbn-strength.ts';
import type { PasswordStrength } from '../../../domain/ports/security.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import { describePasswordStrength, passwordStrengthContract } from '../../contracts/password-strength.ts';

const strength = new ZxcvbnStrength();

describePasswordStrength('ZxcvbnStrength', () => strength);

it.each<readonly [what: string, sentence: RegExp, wrong: () => PasswordStrength]>([
  ['accepts everything', /^guesses one character/, () => ({ isGuessable: () => false })],
  [
    'minds the case',
    /^guesses one character/,
    () => ({
      isGuessable: (text, known) => text === text.toLowerCase() && strength.isGuessable(text, known),
    }),
  ],
  [
    'does not know the account',
    /^guesses what is known/,
    () => ({ isGuessable: (text) => strength.isGuessable(text, []) }),
  ],
  [
    'refuses whatever contains a name',
    /^guesses no phrase/,
    () => ({
      isGuessable: (text, known) =>
        known.some((name) => text.includes(name)) || strength.isGuessable(text, known),
    }),
  ],
  [
    'learns',
    /^guesses no phrase/,
    () => {
      const seen = new Set<string>();
      return {
        isGuessable: (text, known) => seen.has(text) || !seen.add(text) || strength.isGuessable(text, known),
      };
    },
  ],
  [
    'throws at half a character',
    /^judges any text/,
    () => ({
      isGuessable: (text, known) => encodeURIComponent(text) === '' || strength.isGuessable(text, known),
    }),
  ],
])('the contract refutes a judge that %s', async (_what, sentence, wrong) => {
  const broken = await brokenSentences(passwordStrengthContract, wrong);
  expect(broken).toContainEqual(expect.stringMatching(sentence));
});

// The answers are the same on every runtime: this file runs on Node and on Deno.
describe('ZxcvbnStrength', () => {
  it.each([
    'passwordpassword1',
    'adminadminadmin1',
    '123123123123123',
    'qwertyuiopasdfghjkl',
    'thisismypassword',
    'парольпароль',
    'парольпарольпароль',
    'ПарольПароль123',
    'йцукенгшщзхъфывапролджэ',
    'contraseñacontraseña',
    'contraseñasegura',
    'Passw0rd!Passw0rd!',
    'iloveyouiloveyou',
    'letmeinletmein123',
    'q1w2e3r4t5y6u7i8o9p0',
    'qwerty123456789',
    'constructorconstructor',
    'straßestraßestraße',
    'STRASSESTRASSESTRASSE',
    'password'.repeat(10),
    `${'monkey'.repeat(9)}1`,
  ])('guesses %j', (password) => {
    expect(strength.isGuessable(password, [])).toBe(true);
  });

  it.each([
    'correct horse battery',
    'it is a long pass phrase',
    'пароль достаточной длины',
    '長い長いパスワードの例です。ねこ',
    'kJ8#mQ2$vN5xW1pL',
    `${'a'.repeat(60)} correct horse battery staple`,
    `correct horse battery staple ${'a'.repeat(60)}`,
  ])('does not guess %j', (password) => {
    expect(strength.isGuessable(password, [])).toBe(false);
  });

  it('judges a long one by its ends, of 30 characters each, so that its cost is bounded', () => {
    const ends = ['abcdefghijklmnopqrstuvwxyz0123', 'qwertyuiopasdfghjklzxcvbnm1234'];
    expect(strength.isGuessable(ends.join('correct horse battery staple'), [])).toBe(true);
  });
});
