import fc from 'fast-check';
import { expect } from 'vitest';
import type { PasswordStrength } from '../../domain/ports/security.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** What nobody ever chose. */
const anyPhrase = (): string => `nobody has ${crypto.randomUUID()}`;

const odd = ['', '\0', '\ud800', '__proto__', 'constructor', 'hasOwnProperty', 'toString valueOf'];

const spellings = (text: string): readonly string[] => [text, text.toUpperCase(), text.toLowerCase()];

export const passwordStrengthContract: Contract<PasswordStrength> = [
  [
    'guesses one character over and over, and the word for it, whatever their case',
    (strength) => {
      for (const password of ['aaaaaaaaaaaaaaaa', '0'.repeat(128), 'passwordpassword', 'password'])
        for (const spelling of spellings(password)) expect(strength.isGuessable(spelling, [])).toBe(true);
    },
  ],
  [
    'guesses what is known of the account, whatever its case, also twice, and from others does not',
    (strength) => {
      const name = 'x7qk9vt2mz4w8r';
      expect(strength.isGuessable(name, [])).toBe(false);
      for (const password of [name, name + name])
        for (const spelling of spellings(password)) expect(strength.isGuessable(spelling, [name])).toBe(true);
    },
  ],
  [
    'guesses no phrase that nobody chose before, however often it is asked, nor one that only contains what is known',
    (strength) => {
      const phrases = Array.from({ length: 5 }, anyPhrase);
      for (const phrase of [...phrases, ...phrases]) {
        expect(strength.isGuessable(phrase, ['ada'])).toBe(false);
        expect(strength.isGuessable(`ada ${phrase}`, ['ada', 'ada@example.com'])).toBe(false);
        expect(strength.isGuessable(`${phrase} ada`, ['ada', 'ada@example.com'])).toBe(false);
      }
    },
  ],
  [
    'judges any text, and always in the same way',
    (strength) => {
      const text = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 128 }),
        fc.string({ unit: fc.constantFrom(...'4@8({[<369&#!1/|0$5+7%2aeiost'), maxLength: 128 }),
        fc.constantFrom(...odd),
      );
      fc.assert(
        fc.property(text, fc.array(text, { maxLength: 4 }), (password, known) => {
          const judged = strength.isGuessable(password, known);
          expect(typeof judged).toBe('boolean');
          expect(strength.isGuessable(password, known)).toBe(judged);
        }),
        // Each odd one is tried every time, whatever is drawn.
        { numRuns: 30, examples: odd.map((text) => [text, [text]]) },
      );
    },
  ],
];

/** What PasswordStrength promises, for any adapter of it. */
export const describePasswordStrength = (name: string, open: Open<PasswordStrength>): void =>
  describeContract(`${name} as a judge of passwords`, passwordStrengthContract, open);
