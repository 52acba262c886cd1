import { expect } from 'vitest';
import type { PasswordBlocklist } from '../../domain/ports/security.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** A blocklist to be tested, and some of what is on it. */
export type BlocklistUnderTest = {
  readonly blocklist: PasswordBlocklist;
  readonly listed: readonly string[];
};

/** What nobody has on a list. */
const anyPhrase = (): string => `no list has ${crypto.randomUUID()}`;

export const passwordBlocklistContract: Contract<BlocklistUnderTest> = [
  [
    'has what is on it, whatever its case',
    ({ blocklist, listed }) => {
      expect(listed.length).toBeGreaterThan(0);
      for (const password of listed) {
        for (const spelling of [password, password.toUpperCase(), password.toLowerCase()])
          expect(blocklist.has(spelling)).toBe(true);
      }
    },
  ],
  [
    'has nothing else: no part of what is on it, no more, no phrase that nobody chose before',
    ({ blocklist, listed }) => {
      for (const password of listed) {
        expect(blocklist.has(`${password} ${anyPhrase()}`)).toBe(false);
        expect(blocklist.has(` ${password}`)).toBe(false);
      }
      for (const text of ['', '\0', '\ud800', 'x'.repeat(100_000), '__proto__', 'constructor', anyPhrase()])
        expect(blocklist.has(text)).toBe(false);
    },
  ],
  [
    'never grows by what it is asked',
    ({ blocklist }) => {
      const asked = Array.from({ length: 100 }, anyPhrase);
      for (const text of [...asked, ...asked]) expect(blocklist.has(text)).toBe(false);
    },
  ],
  [
    'is never shown',
    ({ blocklist, listed }) => {
      const shown = `${String(blocklist)} ${JSON.stringify(blocklist)} ${Object.keys(blocklist)}`;
      for (const password of listed) expect(shown).not.toContain(password);
    },
  ],
];

/** What PasswordBlocklist promises, for any adapter of it. */
export const describePasswordBlocklist = (name: string, open: Open<BlocklistUnderTest>): void =>
  describeContract(`${name} as a password blocklist`, passwordBlocklistContract, open);
