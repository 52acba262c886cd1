import { describe, expect, it } from 'vitest';
import { createHttp } from '../../adapters/http/http.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { KeyedThrottle } from '../../adapters/throttle/keyed-throttle.ts';
import { attemptLimits } from '../../domain/attempts.ts';
import { DatabaseUnavailable, Overloaded } from '../../domain/faults.ts';
import type { LoginThrottle } from '../../domain/ports/security.ts';
import { Secret } from '../../domain/secret.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { codeOf, countingHasher, type House, join, openHouse, password } from './support.ts';

const wrong = 'wrong horse battery staple';

const logIn = async ({ useCases }: House, identifier: string, guess: string, origin = 'stranger') =>
  codeOf(await useCases.logIn({ identifier, password: guess, origin }));

const fail = async (house: House, identifier: string, times: number, origin = 'stranger') => {
  const codes: string[] = [];
  for (let n = 0; n < times; n++) codes.push(await logIn(house, identifier, wrong, origin));
  return codes;
};

describe('guessing', () => {
  it('has five goes, then has to wait, known name or not, right guess or not', async () => {
    for (const name of ['ada', 'ADA@example.com', 'nobody', 'nobody@example.com', '+491701234567', '???']) {
      const house = await openHouse();
      await join(house.useCases, 'ada');
      expect(await fail(house, name, 6)).toEqual([
        ...Array.from({ length: 5 }, () => 'invalid-credentials'),
        'too-many-attempts',
      ]);
      expect(await logIn(house, name, password)).toBe('too-many-attempts');
      await house.clock.advance(attemptLimits.firstDelayMs);
      expect(await logIn(house, name, wrong)).toBe('invalid-credentials');
      const refused = await house.useCases.logIn({ identifier: name, password, origin: 'stranger' });
      expect(refused).toEqual({
        ok: false,
        error: { code: 'too-many-attempts', retryAfterMs: 2 * attemptLimits.firstDelayMs },
      });
    }
  });

  it('is counted by the canonical name: another spelling is no sixth go', async () => {
    const house = await openHouse();
    await join(house.useCases, 'ada');
    for (const name of ['ada', 'ADA', ' ada ', 'ａｄａ', 'Ada']) await logIn(house, name, wrong);
    expect(await logIn(house, 'aDa', password)).toBe('too-many-attempts');
  });

  it('ends with the right password, which forgets the failures', async () => {
    const house = await openHouse();
    await join(house.useCases, 'ada');
    for (let round = 0; round < 4; round++) {
      await fail(house, 'ada', 4);
      expect(await logIn(house, 'ada', password)).toBe('ok');
    }
  });

  it('gets no more than five looks out of a hundred simultaneous goes', async () => {
    const house = await openHouse();
    await join(house.useCases, 'ada');
    const codes = await Promise.all(Array.from({ length: 100 }, () => logIn(house, 'ada', wrong)));
    expect(codes.filter((code) => code === 'invalid-credentials')).toHaveLength(5);
    expect(house.hasher.verified).toHaveLength(100);
    expect(house.hasher.verified.filter((hash) => hash !== undefined)).toHaveLength(5);
  });

  it('by a stranger does not lock the owner out, from no place of one who guesses', async () => {
    const house = await openHouse();
    await join(house.useCases, 'ada');
    await fail(house, 'ada', 30);
    await fail(house, 'ada@example.com', 30);
    expect(await logIn(house, 'ada', password, 'a new place')).toBe('ok');
  });

  it('by a botnet slows down all strangers, and the owner at no place that they know', async () => {
    const house = await openHouse();
    await join(house.useCases, 'ada', 'registered here');
    expect(await logIn(house, 'ada', password, 'home')).toBe('ok');
    let looks = 0;
    for (let bot = 0; bot < 200; bot++) {
      if ((await logIn(house, 'ada', wrong, `bot ${bot}`)) === 'invalid-credentials') looks++;
    }
    expect(looks).toBe(attemptLimits.freeOfAccount);
    expect(await logIn(house, 'ada', password, 'a new place')).toBe('too-many-attempts');
    for (const known of ['home', 'registered here'])
      expect(await logIn(house, 'ada', password, known)).toBe('ok');
  });

  it('of the current password counts with log-in, by every name of the user', async () => {
    const attempts: readonly ((
      house: House,
      id: Awaited<ReturnType<typeof join>>['id'],
    ) => Promise<string>)[] = [
      async ({ useCases }, id) =>
        codeOf(
          await useCases.changePassword(id, {
            currentPassword: wrong,
            newPassword: 'another horse battery staple',
            origin: 'stranger',
          }),
        ),
      async ({ useCases }, id) =>
        codeOf(
          await useCases.changeProfile(id, {
            currentPassword: wrong,
            email: 'mine@example.com',
            origin: 'stranger',
          }),
        ),
      async ({ useCases }, id) =>
        codeOf(await useCases.deactivateSelf(id, { password: wrong, origin: 'stranger' })),
    ];
    for (const attempt of attempts) {
      const house = await openHouse();
      const { id } = await join(house.useCases, 'ada');
      await fail(house, 'ada@example.com', 2);
      for (let n = 0; n < 3; n++) expect(await attempt(house, id)).toBe('wrong-password');
      house.hasher.verified.length = 0;
      expect(await attempt(house, id)).toBe('too-many-attempts');
      expect(house.hasher.verified).toEqual([undefined]);
      expect(await logIn(house, 'ada@example.com', password)).toBe('too-many-attempts');
    }
  });

  it('goes on where it was after a restart and with another cache', async () => {
    const database = memoryDatabase();
    const secrets = [new Secret<'signing-secret'>('k'.repeat(43))] as const;
    const house = await openHouse({ database, secrets });
    await join(house.useCases, 'ada');
    await fail(house, 'ada', 5);
    const restarted = await openHouse({ database, secrets });
    expect(await logIn(restarted, 'ada', password)).toBe('too-many-attempts');
  });
});

describe('when parts are down', () => {
  /** A throttle over counters that are away. */
  const openDownThrottle = async (): Promise<LoginThrottle> => {
    const { attempts, ...database } = memoryDatabase();
    await database[Symbol.asyncDispose]();
    return new KeyedThrottle({ attempts, throttleKey: new Secret('one') });
  };

  it('nobody is let in uncounted: 503 with Retry-After', async () => {
    const house = await openHouse({ throttle: await openDownThrottle() });
    const { id } = await join(house.useCases, 'ada');
    await expect(logIn(house, 'ada', password)).rejects.toThrow(DatabaseUnavailable);
    await expect(house.useCases.deactivateSelf(id, { password })).rejects.toThrow(DatabaseUnavailable);
    expect(house.hasher.verified).toEqual([]);
    const http = createHttp(house.useCases, { log: silentLog, ids: systemIds });
    const response = await http.fetch(
      new Request('http://kith.test/auth/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ identifier: 'ada', password }),
      }),
    );
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('a success that cannot be written down is none', async () => {
    const down = await openDownThrottle();
    const throttle: LoginThrottle = {
      // The last that could be counted.
      admit: async () => undefined,
      succeeded: (guess) => down.succeeded(guess),
      withdraw: (guess) => down.withdraw(guess),
    };
    const house = await openHouse({ throttle });
    await join(house.useCases, 'ada');
    await expect(logIn(house, 'ada', password)).rejects.toThrow(DatabaseUnavailable);
  });

  it('an overloaded hasher is no failure of the one who asked', async () => {
    const hasher = countingHasher();
    let overloaded = true;
    const house = await openHouse({
      hasher: {
        ...hasher,
        verify: (hash, presented) =>
          overloaded ? Promise.reject(new Overloaded('full')) : hasher.verify(hash, presented),
      },
    });
    await join(house.useCases, 'ada');
    for (let n = 0; n < 20; n++) await expect(logIn(house, 'ada', password)).rejects.toThrow(Overloaded);
    overloaded = false;
    expect(await logIn(house, 'ada', password)).toBe('ok');
  });
});

describe('the names of counters', () => {
  const seen: string[] = [];
  const { attempts } = memoryDatabase();
  const throttle = (key: string) =>
    new KeyedThrottle({
      throttleKey: new Secret(key),
      attempts: {
        admit: (counters) => {
          seen.push(...counters.flatMap(({ origin, account }) => [origin, account]));
          return attempts.admit(counters);
        },
        succeeded: (counters) => attempts.succeeded(counters),
        withdraw: (counters) => attempts.withdraw(counters),
      },
    });
  const namesOf = async (name: string, origin: string, key = 'one') => {
    seen.length = 0;
    await throttle(key).admit({ names: [name], origin });
    return [...seen];
  };

  it('are digests with a key, different for each name, origin and key', async () => {
    const all = [
      ...(await namesOf('email:ada@example.com', '192.0.2.1')),
      ...(await namesOf('email:ada@example.com', '192.0.2.2')),
      ...(await namesOf('email:eve@example.com', '192.0.2.1')),
      ...(await namesOf('email:ada@example.com', '192.0.2.1', 'two')),
      ...(await namesOf('a', 'b","c')),
      ...(await namesOf('a","b', 'c')),
    ];
    for (const name of all) expect(name).toMatch(/^[A-Za-z0-9_-]{43}$/);
    // The account of the second is the account of the first.
    expect(new Set(all).size).toBe(all.length - 1);
  });
});
