import { expect, it } from 'vitest';
import { CommonPasswords } from '../../../adapters/blocklist/common-passwords.ts';
import type { PasswordBlocklist } from '../../../domain/ports/security.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import { describePasswordBlocklist, passwordBlocklistContract } from '../../contracts/password-blocklist.ts';

const listed = ['password123', 'iloveyou', 'qwertyuiop'];

describePasswordBlocklist('CommonPasswords', () => ({ blocklist: new CommonPasswords(), listed }));
describePasswordBlocklist('CommonPasswords of a list of one’s own', () => ({
  blocklist: new CommonPasswords(['Kith Kith Kith', 'ſtraße']),
  listed: ['Kith Kith Kith', 'straße'],
}));

it.each<readonly [what: string, sentence: RegExp, wrong: () => PasswordBlocklist]>([
  ['minds the case', /^has what is on it/, () => ({ has: (text) => listed.includes(text) })],
  [
    'looks for parts',
    /^has nothing else/,
    () => ({ has: (text) => listed.some((each) => text.toLowerCase().includes(each)) }),
  ],
  [
    'is an object',
    /^has nothing else/,
    () => {
      const list: Record<string, boolean> = Object.fromEntries(listed.map((each) => [each, true]));
      return { has: (text) => Boolean(list[text.toLowerCase()]) };
    },
  ],
  [
    'learns',
    /^never grows/,
    () => {
      const seen = new Set(listed);
      return { has: (text) => seen.has(text.toLowerCase()) || !seen.add(text.toLowerCase()) };
    },
  ],
  [
    'shows itself',
    /^is never shown/,
    () => Object.assign(new CommonPasswords(listed), { entries: [...listed] }),
  ],
])('the contract refutes a blocklist that %s', async (_what, sentence, wrong) => {
  const broken = await brokenSentences(passwordBlocklistContract, () => ({ blocklist: wrong(), listed }));
  expect(broken).toContainEqual(expect.stringMatching(sentence));
});
