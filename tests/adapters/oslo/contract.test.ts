import { Buffer } from 'node:buffer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Argon2PasswordHasher } from '../../../adapters/oslo/argon2-password-hasher.ts';
import { Overloaded } from '../../../domain/faults.ts';
import type { PasswordHasher } from '../../../domain/ports/security.ts';
import { type Password, Secret } from '../../../domain/secret.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import {
  describePasswordHasher,
  type HasherUnderTest,
  passwordHasherContract,
} from '../../contracts/password-hasher.ts';
import { countingHasher } from '../../security/support.ts';
import { quickHasher } from '../../support/quick-hasher.ts';

const openArgon2 = (): HasherUnderTest => {
  const limits = { maxRunning: 1, maxWaiting: 3, maxWaitMs: 1000 };
  return {
    hasher: new Argon2PasswordHasher(limits),
    stronger: new Argon2PasswordHasher({ passes: 3 }),
    queue: {
      places: limits.maxRunning + limits.maxWaiting,
      maxWaitMs: limits.maxWaitMs,
      advance: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)),
    },
  };
};

// Its queue has its time from the machine.
describe('with the time of the test', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());
  describePasswordHasher('Argon2PasswordHasher', openArgon2);
});
describePasswordHasher('the quick hasher of the tests', () => ({ hasher: quickHasher }));
describePasswordHasher('the counting hasher of the tests', () => ({ hasher: countingHasher() }));

const first72 = (password: Password): Password =>
  new Secret(Buffer.from(Secret.reveal(password)).toString('latin1', 0, 72));

/** A right hasher with some of it done wrong. */
const variants: readonly (readonly [what: string, sentence: string, wrong: Partial<PasswordHasher>])[] = [
  [
    'accepts whatever it is given',
    'accepts the password that was hashed and no other',
    { verify: async (hash, password) => hash !== undefined && password !== undefined },
  ],
  [
    'compares no more than a beginning',
    'accepts the password that was hashed and no other',
    {
      hash: (password) => quickHasher.hash(new Secret(Secret.reveal(password).slice(0, 8))),
      verify: (hash, password) =>
        quickHasher.verify(hash, password && new Secret(Secret.reveal(password).slice(0, 8))),
    },
  ],
  [
    'takes 72 bytes, as bcrypt does',
    'tells passwords apart whose first 72 bytes are the same',
    {
      hash: (password) => quickHasher.hash(first72(password)),
      verify: (hash, password) => quickHasher.verify(hash, password && first72(password)),
    },
  ],
  [
    'uses one salt for all',
    'makes another hash of the same password each time, and accepts each',
    { hash: async () => new Secret(`$quick$${'s'.repeat(16)}$${'t'.repeat(43)}`) },
  ],
  [
    'keeps the password in the hash',
    'writes nothing of the password into the hash',
    { hash: async (password) => new Secret(`$quick$${btoa(Secret.reveal(password))}`) },
  ],
  [
    'takes no password for an empty one',
    'accepts nothing where there is no hash or no password',
    { verify: (hash, password) => quickHasher.verify(hash, password ?? new Secret('')) },
  ],
  [
    'answers at once where there is no account',
    'spends as much where there is no hash or no password as on a wrong password',
    {
      verify: async (hash, password) => {
        if (hash !== undefined && password !== undefined) burn(4);
        return quickHasher.verify(hash, password);
      },
    },
  ],
  [
    'never wants a hash made anew',
    'accepts nothing against a text that is no hash of its own, and would have it made anew',
    { needsRehash: () => false },
  ],
  [
    'always wants a hash made anew',
    'asks for a new hash where the old one is weaker, and not where it is as strong',
    { needsRehash: () => true },
  ],
];

const burn = (ms: number): void => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
};

it('the contract of a hasher holds for the one that the wrong ones are made of', async () => {
  expect(await brokenSentences(passwordHasherContract, () => ({ hasher: quickHasher }))).toEqual([]);
});

it.each(variants)('the contract refutes a hasher that %s', async (_what, sentence, wrong) => {
  const hasher = { ...quickHasher, ...wrong };
  expect(await brokenSentences(passwordHasherContract, () => ({ hasher }))).toContain(sentence);
});

it.each([
  [
    'refuses nobody',
    'throws Overloaded rather than take more than it has places, and takes the next when they are free',
    0,
  ],
  ['lets everybody wait for ever', 'throws Overloaded when the wait for a place was too long', 2],
])('the contract refutes a hasher with a queue that %s', async (_what, sentence, places) => {
  let waiting = 0;
  const hasher: PasswordHasher = {
    ...quickHasher,
    hash: async (password) => {
      if (places > 0 && waiting >= places) throw new Overloaded('full');
      waiting++;
      await Promise.resolve();
      waiting--;
      return quickHasher.hash(password);
    },
  };
  const queue = { places: 2, maxWaitMs: 1000, advance: () => Promise.resolve() };
  expect(await brokenSentences(passwordHasherContract, () => ({ hasher, queue }))).toContain(sentence);
});
