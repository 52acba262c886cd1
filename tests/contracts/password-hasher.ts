import { Buffer } from 'node:buffer';
import process from 'node:process';
import { expect } from 'vitest';
import { Overloaded } from '../../domain/faults.ts';
import type { PasswordHasher } from '../../domain/ports/security.ts';
import { type Password, type PasswordHash, Secret } from '../../domain/secret.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** A hasher to be tested, and what it has beside what the port asks for. */
export type HasherUnderTest = {
  readonly hasher: PasswordHasher;
  /** The same with parameters that cost more, where they can be chosen. */
  readonly stronger?: PasswordHasher;
  /** Where it has a queue: how many it takes at once, running and waiting, and how long one may wait. */
  readonly queue?: {
    readonly places: number;
    readonly maxWaitMs: number;
    /** Lets time pass for those who wait. */
    advance(ms: number): Promise<void>;
  };
};

const text = 'Correct horse battery staple';
const password: Password = new Secret(text);
const others = ['', 'correct horse battery staple', `${text} `, ` ${text}`, text.slice(0, -1), `${text}\0`];

/** A clock that tests do not move. */
const realMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Times below this tell nothing: a hasher that costs nothing hides nothing either. */
const tellingMs = 2;
const [minRounds, maxRounds] = [5, 60];

export const passwordHasherContract: Contract<HasherUnderTest> = [
  [
    'accepts the password that was hashed and no other',
    async ({ hasher }) => {
      const hash = await hasher.hash(password);
      expect(await hasher.verify(hash, password)).toBe(true);
      for (const other of others) expect(await hasher.verify(hash, new Secret(other))).toBe(false);
    },
  ],
  // CERT-Polska/mwdb-core#49, bcrypt-ruby/bcrypt-ruby#283, php/doc-en#1328
  [
    'tells passwords apart whose first 72 bytes are the same',
    async ({ hasher }) => {
      const [long, other]: readonly Password[] = ['ś', 'ź'].map(
        (last) => new Secret(`${'ł'.repeat(36)}${last}`),
      );
      if (long === undefined) throw new Error('a password is needed');
      const hash = await hasher.hash(long);
      expect(await hasher.verify(hash, long)).toBe(true);
      expect(await hasher.verify(hash, other)).toBe(false);
    },
  ],
  [
    'makes another hash of the same password each time, and accepts each',
    async ({ hasher }) => {
      const [first, second] = await Promise.all([hasher.hash(password), hasher.hash(password)]);
      expect(Secret.reveal(first)).not.toBe(Secret.reveal(second));
      for (const hash of [first, second]) expect(await hasher.verify(hash, password)).toBe(true);
    },
  ],
  [
    'writes nothing of the password into the hash',
    async ({ hasher }) => {
      const hash = Secret.reveal(await hasher.hash(password));
      for (const spelling of ['utf8', 'base64', 'base64url', 'hex'] as const)
        expect(hash).not.toContain(Buffer.from(text).toString(spelling));
    },
  ],
  [
    'names its function at the beginning of the hash, as a PHC string does',
    async ({ hasher }) => {
      expect(Secret.reveal(await hasher.hash(password))).toMatch(/^\$[a-z0-9-]{1,32}\$[!-~]{1,200}$/);
    },
  ],
  [
    'accepts nothing where there is no hash or no password',
    async ({ hasher }) => {
      const hash = await hasher.hash(password);
      expect(await hasher.verify(undefined, password)).toBe(false);
      expect(await hasher.verify(hash, undefined)).toBe(false);
      expect(await hasher.verify(undefined, undefined)).toBe(false);
      expect(await hasher.verify(await hasher.hash(new Secret('')), undefined)).toBe(false);
    },
  ],
  [
    'spends as much where there is no hash or no password as on a wrong password',
    async ({ hasher }) => {
      const hash = await hasher.hash(password);
      const wrong: Password = new Secret('wrong');
      const cost = quickestOf(() => hasher.verify(hash, wrong));
      const decoys = [
        quickestOf(() => hasher.verify(undefined, wrong)),
        quickestOf(() => hasher.verify(hash, undefined)),
        quickestOf(() => hasher.verify(undefined, undefined)),
      ];
      // On a busy machine it takes some rounds until each was measured undisturbed; a quick refusal stays one.
      for (let round = 0; round < maxRounds; round++) {
        const paidMs = await cost();
        const spentMs: number[] = [];
        for (const decoy of decoys) spentMs.push(await decoy());
        const isEven = paidMs < tellingMs || spentMs.every((ms) => ms > paidMs / 2);
        if (round >= minRounds && isEven) return;
      }
      throw new Error('a refusal without a hash or a password is quicker');
    },
  ],
  [
    'accepts nothing against a text that is no hash of its own, and would have it made anew',
    async ({ hasher }) => {
      const foreign = ['', text, '$', '$unknown$c2FsdA$aGFzaA', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92'];
      for (const hash of foreign.map((each): PasswordHash => new Secret(each))) {
        expect(await hasher.verify(hash, password)).toBe(false);
        expect(hasher.needsRehash(hash)).toBe(true);
      }
    },
  ],
  [
    'asks for a new hash where the old one is weaker, and not where it is as strong',
    async ({ hasher, stronger }) => {
      const hash = await hasher.hash(password);
      expect(hasher.needsRehash(hash)).toBe(false);
      if (stronger === undefined) return;
      const strong = await stronger.hash(password);
      expect(stronger.needsRehash(hash)).toBe(true);
      expect(stronger.needsRehash(strong)).toBe(false);
      expect(hasher.needsRehash(strong)).toBe(false);
      // Both go on being accepted, whichever hasher is in use by now.
      expect(await hasher.verify(strong, password)).toBe(true);
      expect(await stronger.verify(hash, password)).toBe(true);
    },
  ],
  [
    'throws Overloaded rather than take more than it has places, and takes the next when they are free',
    async ({ hasher, queue }) => {
      if (queue === undefined) return;
      const verify = (): Promise<unknown> => hasher.verify(undefined, password);
      const taken = Array.from({ length: queue.places }, (_, n) =>
        n % 2 === 0 ? hasher.hash(password) : verify(),
      );
      await expect(hasher.hash(password)).rejects.toThrow(Overloaded);
      await expect(verify()).rejects.toThrow(Overloaded);
      await Promise.all(taken);
      await verify();
    },
  ],
  [
    'throws Overloaded when the wait for a place was too long',
    async ({ hasher, queue }) => {
      if (queue === undefined) return;
      const taken = Promise.allSettled(Array.from({ length: queue.places }, () => hasher.hash(password)));
      await queue.advance(queue.maxWaitMs);
      const outcomes = await taken;
      expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(refused.length).toBeGreaterThan(0);
      for (const reason of refused) expect(reason).toBeInstanceOf(Overloaded);
    },
  ],
  [
    'tells how many hashes are being made and how many wait, if it tells at all',
    async ({ hasher, queue }) => {
      if (hasher.load === undefined) return;
      expect(hasher.load()).toEqual({ running: 0, waiting: 0 });
      const places = queue?.places ?? 1;
      const taken = Array.from({ length: places }, () => hasher.hash(password));
      const { running, waiting } = hasher.load();
      expect(running + waiting).toBe(places);
      await Promise.all(taken);
      expect(hasher.load()).toEqual({ running: 0, waiting: 0 });
    },
  ],
];

/** What PasswordHasher promises, for any adapter of it. */
export const describePasswordHasher = (name: string, open: Open<HasherUnderTest>): void =>
  describeContract(`${name} as a password hasher`, passwordHasherContract, open);

/** Tells, each time it is called and the work done once more, the least time that it took so far, in milliseconds. */
const quickestOf = (work: () => Promise<unknown>): (() => Promise<number>) => {
  let leastMs = Number.POSITIVE_INFINITY;
  return async () => {
    const startMs = realMs();
    await work();
    leastMs = Math.min(leastMs, realMs() - startMs);
    return leastMs;
  };
};
