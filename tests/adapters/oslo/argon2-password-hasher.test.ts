import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Argon2,
  Argon2PasswordHasher,
  type HashingOptions,
} from '../../../adapters/oslo/argon2-password-hasher.ts';
import { Overloaded } from '../../../domain/faults.ts';
import { Secret } from '../../../domain/secret.ts';

const password: Secret<'password'> = new Secret('correct horse battery staple');
const phc = (text: string): Secret<'password-hash'> => new Secret(text);
const real = new Argon2PasswordHasher();
const salt = 'c29tZXNhbHRzb21lc2FsdA';
const tag = 'A'.repeat(43);

/** Counts the verifications and remembers what they were given. */
const counting = (matches = true): Argon2 & { readonly verified: [hash: string, password: string][] } => {
  const verified: [string, string][] = [];
  return {
    verified,
    hash: async () => `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${tag}`,
    verify: async (hash, text) => {
      verified.push([hash, text]);
      return matches;
    },
  };
};

describe('the argon2 password hasher, on the real function', () => {
  it('makes Argon2id hashes with the parameters of the floor, and a new salt each time', async () => {
    const [first, second] = await Promise.all([real.hash(password), real.hash(password)]);
    expect(Secret.reveal(first)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(Secret.reveal(first)).not.toBe(Secret.reveal(second));
  });
});

describe('every path of verify', () => {
  const stored = `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${tag}`;
  const refused: [why: string, hash: string][] = [
    ['too much memory', `$argon2id$v=19$m=131073,t=2,p=1$${salt}$${tag}`],
    ['too many passes', `$argon2id$v=19$m=19456,t=11,p=1$${salt}$${tag}`],
    ['too many threads', `$argon2id$v=19$m=19456,t=2,p=5$${salt}$${tag}`],
    ['no memory', `$argon2id$v=19$m=0,t=2,p=1$${salt}$${tag}`],
    ['an overflowing number', `$argon2id$v=19$m=99999999999999999999,t=2,p=1$${salt}$${tag}`],
    ['another variant', `$argon2d$v=19$m=19456,t=2,p=1$${salt}$${tag}`],
    ['an old version', `$argon2id$v=16$m=19456,t=2,p=1$${salt}$${tag}`],
    ['another function', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    ['a truncated hash', `$argon2id$v=19$m=19456,t=2,p=1$${salt}`],
    ['a line feed', `${stored}\n`],
    ['nothing', ''],
  ];

  it('spends exactly one verification, with the same parameters', async () => {
    for (const [hash, presented] of [
      [phc(stored), password],
      [undefined, password],
      [phc(stored), undefined],
      [undefined, undefined],
      ...refused.map(([, text]) => [phc(text), password] as const),
    ] as const) {
      const argon2 = counting();
      await new Argon2PasswordHasher({}, argon2).verify(hash, presented);
      expect(argon2.verified).toHaveLength(1);
      expect(argon2.verified[0]?.[0]).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    }
  });

  it.each(refused)(
    'refuses a stored hash with %s even if the function would accept it',
    async (_why, text) => {
      const argon2 = counting(true);
      const hasher = new Argon2PasswordHasher({}, argon2);
      expect(await hasher.verify(phc(text), password)).toBe(false);
      expect(argon2.verified.map(([hash]) => hash)).not.toContain(text);
      expect(hasher.needsRehash(phc(text))).toBe(true);
    },
  );

  it('never accepts the decoy, even if the function would', async () => {
    const hasher = new Argon2PasswordHasher({}, counting(true));
    expect(await hasher.verify(undefined, password)).toBe(false);
    expect(await hasher.verify(phc(stored), undefined)).toBe(false);
    expect(await hasher.verify(phc(stored), password)).toBe(true);
  });

  it('gives the decoy the configured parameters', async () => {
    const argon2 = counting();
    await new Argon2PasswordHasher({ memoryKiB: 65_536, passes: 3, threads: 2 }, argon2).verify(
      undefined,
      password,
    );
    expect(argon2.verified[0]?.[0]).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=2\$/);
  });

  it('takes no parameters below the floor or above the ceiling', () => {
    const below: HashingOptions[] = [{ memoryKiB: 19_455 }, { passes: 1 }, { threads: 0 }];
    const above: HashingOptions[] = [{ memoryKiB: 131_073 }, { passes: 11 }, { threads: 5 }];
    for (const options of [...below, ...above]) {
      expect(() => new Argon2PasswordHasher(options)).toThrow(RangeError);
    }
  });
});

describe('the bound on hashing', () => {
  const limits = { maxRunning: 2, maxWaiting: 3, maxWaitMs: 1000 };
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  /** A function whose hashes end when the test says so. */
  const gated = (): Argon2 & { readonly running: (() => void)[]; readonly peak: () => number } => {
    const running: (() => void)[] = [];
    let active = 0;
    let peak = 0;
    const job = (): Promise<void> => {
      peak = Math.max(peak, ++active);
      return new Promise((resolve) => {
        running.push(() => {
          active--;
          resolve();
        });
      });
    };
    return {
      running,
      peak: () => peak,
      hash: async () => {
        await job();
        return `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${tag}`;
      },
      verify: async () => {
        await job();
        return true;
      },
    };
  };

  it('runs no more than its maximum at once and starts the rest in the order of their arrival', async () => {
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(limits, argon2);
    const ended: number[] = [];
    const jobs = [0, 1, 2, 3, 4].map((n) => hasher.hash(password).then(() => ended.push(n)));
    for (let n = 0; n < 5; n++) {
      await vi.advanceTimersByTimeAsync(1);
      expect(argon2.running).toHaveLength(Math.min(n + 2, 5));
      argon2.running[n]?.();
    }
    await Promise.all(jobs);
    expect(ended).toEqual([0, 1, 2, 3, 4]);
    expect(argon2.peak()).toBe(2);
  });

  it('refuses at once when its queue is full, verifications and hashes alike', async () => {
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(limits, argon2);
    for (let n = 0; n < 5; n++) void hasher.hash(password);
    await expect(hasher.hash(password)).rejects.toThrow(Overloaded);
    await expect(hasher.verify(undefined, password)).rejects.toThrow(Overloaded);
  });

  it('gives up a wait at its limit and then has room again', async () => {
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(limits, argon2);
    const running = [hasher.hash(password), hasher.hash(password)];
    const waiting = [0, 1, 2].map(() =>
      hasher.hash(password).then(
        () => 'hashed',
        (fault: unknown) => fault,
      ),
    );
    await vi.advanceTimersByTimeAsync(999);
    expect(argon2.running).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(Overloaded);
    const late = hasher.hash(password);
    for (const end of [...argon2.running]) end();
    await Promise.all(running);
    await vi.advanceTimersByTimeAsync(1);
    // The three that gave up were not started afterwards.
    expect(argon2.running).toHaveLength(3);
    argon2.running[2]?.();
    await late;
  });

  it('frees the place of a job that failed', async () => {
    const failing: Argon2 = { ...counting(), hash: () => Promise.reject(new Error('out of memory')) };
    const hasher = new Argon2PasswordHasher({ ...limits, maxRunning: 1 }, failing);
    for (let n = 0; n < 10; n++) await expect(hasher.hash(password)).rejects.toThrow('out of memory');
  });

  it('has no room for a newcomer to overtake whoever waits', async () => {
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher({ ...limits, maxRunning: 1 }, argon2);
    const order: string[] = [];
    const first = hasher.hash(password).then(() => {
      // The very moment in which the first one's place is given away.
      const newcomer = hasher.hash(password).then(() => order.push('newcomer'));
      return () => newcomer;
    });
    const waiting = hasher.hash(password).then(() => order.push('waiting'));
    for (let n = 0; n < 3; n++) {
      await vi.advanceTimersByTimeAsync(1);
      argon2.running[n]?.();
    }
    await Promise.all([waiting, (await first)()]);
    expect(order).toEqual(['waiting', 'newcomer']);
  });
});
