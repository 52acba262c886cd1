import { describe, expect, it } from 'vitest';
import {
  type Argon2,
  Argon2PasswordHasher,
  type HashingOptions,
} from '../../adapters/oslo/argon2-password-hasher.ts';
import { systemTimer } from '../../adapters/system/clock.ts';
import { Overloaded } from '../../domain/faults.ts';
import { Secret } from '../../domain/secret.ts';
import { ManualClock } from '../support/manual-clock.ts';

const password: Secret<'password'> = new Secret('correct horse battery staple');
const other: Secret<'password'> = new Secret('incorrect horse battery staple');
const phc = (text: string): Secret<'password-hash'> => new Secret(text);
const real = new Argon2PasswordHasher(systemTimer);
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
  it('accepts the password that was hashed and no other', async () => {
    const hash = await real.hash(password);
    expect(await real.verify(hash, password)).toBe(true);
    expect(await real.verify(hash, other)).toBe(false);
  });

  it('makes Argon2id hashes with the parameters of the floor, and a new salt each time', async () => {
    const [first, second] = await Promise.all([real.hash(password), real.hash(password)]);
    expect(Secret.reveal(first)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(Secret.reveal(first)).not.toBe(Secret.reveal(second));
  });

  it('is false without an account or without a password', async () => {
    const hash = await real.hash(password);
    expect(await real.verify(undefined, password)).toBe(false);
    expect(await real.verify(hash, undefined)).toBe(false);
    expect(await real.verify(undefined, undefined)).toBe(false);
  });

  it('asks for a new hash where the old one is weaker, and not where it is as strong', async () => {
    const stronger = new Argon2PasswordHasher(systemTimer, { passes: 3 });
    const weak = await real.hash(password);
    const strong = await stronger.hash(password);
    expect(stronger.needsRehash(weak)).toBe(true);
    expect(stronger.needsRehash(strong)).toBe(false);
    expect(real.needsRehash(strong)).toBe(false);
    expect(await real.verify(strong, password)).toBe(true);
  });

  it('spends a real verification on the decoy, not a quick refusal', async () => {
    const hash = await real.hash(password);
    const works = [
      () => real.verify(hash, other),
      () => real.verify(undefined, other),
      () => real.verify(hash, undefined),
    ];
    // In turn, so that a load that comes and goes meets all of them.
    const best = works.map(() => Number.POSITIVE_INFINITY);
    for (let run = 0; run < 15; run++) {
      for (const [index, work] of works.entries()) {
        const startedAt = performance.now();
        await work();
        best[index] = Math.min(best[index] ?? 0, performance.now() - startedAt);
      }
    }
    const [wrong = 0, ...decoys] = best;
    for (const decoy of decoys) expect(decoy).toBeGreaterThan(wrong / 2);
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
      await new Argon2PasswordHasher(systemTimer, {}, argon2).verify(hash, presented);
      expect(argon2.verified).toHaveLength(1);
      expect(argon2.verified[0]?.[0]).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    }
  });

  it.each(refused)(
    'refuses a stored hash with %s even if the function would accept it',
    async (_why, text) => {
      const argon2 = counting(true);
      const hasher = new Argon2PasswordHasher(systemTimer, {}, argon2);
      expect(await hasher.verify(phc(text), password)).toBe(false);
      expect(argon2.verified.map(([hash]) => hash)).not.toContain(text);
      expect(hasher.needsRehash(phc(text))).toBe(true);
    },
  );

  it('never accepts the decoy, even if the function would', async () => {
    const hasher = new Argon2PasswordHasher(systemTimer, {}, counting(true));
    expect(await hasher.verify(undefined, password)).toBe(false);
    expect(await hasher.verify(phc(stored), undefined)).toBe(false);
    expect(await hasher.verify(phc(stored), password)).toBe(true);
  });

  it('gives the decoy the configured parameters', async () => {
    const argon2 = counting();
    await new Argon2PasswordHasher(systemTimer, { memoryKiB: 65_536, passes: 3, threads: 2 }, argon2).verify(
      undefined,
      password,
    );
    expect(argon2.verified[0]?.[0]).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=2\$/);
  });

  it('takes no parameters below the floor or above the ceiling', () => {
    const below: HashingOptions[] = [{ memoryKiB: 19_455 }, { passes: 1 }, { threads: 0 }];
    const above: HashingOptions[] = [{ memoryKiB: 131_073 }, { passes: 11 }, { threads: 5 }];
    for (const options of [...below, ...above]) {
      expect(() => new Argon2PasswordHasher(systemTimer, options)).toThrow(RangeError);
    }
  });
});

describe('the bound on hashing', () => {
  const limits = { maxRunning: 2, maxWaiting: 3, maxWaitMs: 1000 };

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
    const clock = new ManualClock();
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(clock, limits, argon2);
    const ended: number[] = [];
    const jobs = [0, 1, 2, 3, 4].map((n) => hasher.hash(password).then(() => ended.push(n)));
    for (let n = 0; n < 5; n++) {
      await clock.advance(1);
      expect(argon2.running).toHaveLength(Math.min(n + 2, 5));
      argon2.running[n]?.();
    }
    await Promise.all(jobs);
    expect(ended).toEqual([0, 1, 2, 3, 4]);
    expect(argon2.peak()).toBe(2);
  });

  it('refuses at once when its queue is full, verifications and hashes alike', async () => {
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(new ManualClock(), limits, argon2);
    for (let n = 0; n < 5; n++) void hasher.hash(password);
    await expect(hasher.hash(password)).rejects.toThrow(Overloaded);
    await expect(hasher.verify(undefined, password)).rejects.toThrow(Overloaded);
  });

  it('gives up a wait at its limit and then has room again', async () => {
    const clock = new ManualClock();
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(clock, limits, argon2);
    const running = [hasher.hash(password), hasher.hash(password)];
    const waiting = [0, 1, 2].map(() =>
      hasher.hash(password).then(
        () => 'hashed',
        (fault: unknown) => fault,
      ),
    );
    await clock.advance(999);
    expect(argon2.running).toHaveLength(2);
    await clock.advance(1);
    for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(Overloaded);
    const late = hasher.hash(password);
    for (const end of [...argon2.running]) end();
    await Promise.all(running);
    await clock.advance(1);
    // The three that gave up were not started afterwards.
    expect(argon2.running).toHaveLength(3);
    argon2.running[2]?.();
    await late;
  });

  it('frees the place of a job that failed', async () => {
    const clock = new ManualClock();
    const failing: Argon2 = { ...counting(), hash: () => Promise.reject(new Error('out of memory')) };
    const hasher = new Argon2PasswordHasher(clock, { ...limits, maxRunning: 1 }, failing);
    for (let n = 0; n < 10; n++) await expect(hasher.hash(password)).rejects.toThrow('out of memory');
  });

  it('has no room for a newcomer to overtake whoever waits', async () => {
    const clock = new ManualClock();
    const argon2 = gated();
    const hasher = new Argon2PasswordHasher(clock, { ...limits, maxRunning: 1 }, argon2);
    const order: string[] = [];
    const first = hasher.hash(password).then(() => {
      // The very moment in which the first one's place is given away.
      const newcomer = hasher.hash(password).then(() => order.push('newcomer'));
      return () => newcomer;
    });
    const waiting = hasher.hash(password).then(() => order.push('waiting'));
    for (let n = 0; n < 3; n++) {
      await clock.advance(1);
      argon2.running[n]?.();
    }
    await Promise.all([waiting, (await first)()]);
    expect(order).toEqual(['waiting', 'newcomer']);
  });
});
