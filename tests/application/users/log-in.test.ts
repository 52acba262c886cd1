import { describe, expect, it } from 'vitest';
import { logIn } from '../../../application/users/log-in.ts';
import { attemptLimits } from '../../../domain/attempts.ts';
import { DatabaseUnavailable, Overloaded } from '../../../domain/faults.ts';
import { Secret } from '../../../domain/secret.ts';
import {
  changeHash,
  join,
  openWorld,
  otherPassword,
  password,
  settled,
  stored,
  type World,
} from '../world.ts';

const refused = { ok: false, error: { code: 'invalid-credentials' } };

/** As many wrong guesses as cost nothing. */
const guessOften = async (world: World, identifier: string, origin?: string): Promise<void> => {
  for (let n = 0; n < attemptLimits.freeOfOrigin; n++) {
    expect(await logIn(world)({ identifier, password: otherPassword, origin })).toEqual(refused);
  }
  world.steps.length = 0;
};

describe('log in', () => {
  it.each(['User1@example.com', 'USER1', '+49 170 0000001'])('opens a session for %s', async (identifier) => {
    const world = openWorld();
    const user = await join(world, 1, { tokenVersion: 7 });
    const session = await logIn(world)({ identifier, password });
    expect(session).toMatchObject({ ok: true, value: { user, expiresInSeconds: 900 } });
    expect(session.ok && Secret.reveal(session.value.token)).toBe(`${user.id} 7`);
    expect(world.steps).toEqual(['admit', 'verify', 'succeeded']);
  });

  it.each<[who: string, identifier: string, presented: string, verification: string]>([
    ['a wrong password', 'user1', otherPassword, 'verify'],
    ['a password that nobody can have', 'user1', 'x'.repeat(1000), 'verify nothing'],
    ['an identifier that nobody has', 'nobody', password, 'verify nothing'],
    ['a text that is no identifier', '@', password, 'verify nothing'],
    ['a deactivated user', 'user2', password, 'verify'],
  ])(
    'refuses %s after exactly one verification, like all others',
    async (_who, identifier, text, verification) => {
      const world = openWorld();
      await join(world, 1);
      await join(world, 2, { isActive: false });
      expect(await logIn(world)({ identifier, password: text })).toEqual(refused);
      expect(world.steps).toEqual(['admit', verification]);
    },
  );

  it('asks the throttle first, and spends the same verification on whom it refuses', async () => {
    const world = openWorld();
    await join(world, 1);
    await guessOften(world, 'user1');
    const found: unknown[] = [];
    const users = {
      ...world.users,
      findAccount: async (...key: Parameters<World['users']['findAccount']>) => {
        found.push(key);
        return undefined;
      },
    };
    expect(await logIn({ ...world, users })({ identifier: 'user1', password })).toEqual({
      ok: false,
      error: { code: 'too-many-attempts', retryAfterMs: attemptLimits.firstDelayMs },
    });
    expect(world.steps).toEqual(['refuse', 'verify nothing']);
    expect(found).toEqual([]);
  });

  it('refuses one origin, and not its owner at another', async () => {
    const world = openWorld();
    await join(world, 1);
    await guessOften(world, 'user1', '192.0.2.1');
    const at = (origin: string) => logIn(world)({ identifier: 'user1', password, origin });
    expect((await at('192.0.2.1')).ok).toBe(false);
    expect((await at('192.0.2.2')).ok).toBe(true);
  });

  it('forgets the failures under every name of the user once the password was right', async () => {
    const world = openWorld();
    await join(world, 1);
    for (let n = 0; n < 4; n++) {
      await logIn(world)({ identifier: 'user1', password: otherPassword });
      await logIn(world)({ identifier: 'user1@example.com', password: otherPassword });
    }
    expect((await logIn(world)({ identifier: 'user1', password })).ok).toBe(true);
    await guessOften(world, 'user1@example.com');
  });

  it('takes a guess back that was not looked at, and passes the fault on', async () => {
    const world = openWorld();
    await join(world, 1);
    const hasher = { ...world.hasher, verify: () => Promise.reject(new Overloaded('the queue is full')) };
    for (let n = 0; n < 3 * attemptLimits.freeOfOrigin; n++) {
      const attempt = logIn({ ...world, hasher })({ identifier: 'user1', password });
      await expect(attempt).rejects.toThrow(Overloaded);
    }
    expect(world.steps.slice(0, 2)).toEqual(['admit', 'withdraw']);
    expect((await logIn(world)({ identifier: 'user1', password })).ok).toBe(true);
  });

  it('passes on the fault that came first if the guess cannot be taken back either', async () => {
    const world = openWorld();
    const throttle = {
      ...world.throttle,
      withdraw: () => Promise.reject(new DatabaseUnavailable('no counters')),
    };
    const hasher = { ...world.hasher, verify: () => Promise.reject(new Overloaded('the queue is full')) };
    const attempt = logIn({ ...world, throttle, hasher })({ identifier: 'user1', password });
    await expect(attempt).rejects.toThrow(Overloaded);
  });

  it('makes a weak hash anew behind the answer, and no token ends by it', async () => {
    const world = openWorld();
    const user = await join(world, 1);
    world.hashing.isWeak = true;
    expect((await logIn(world)({ identifier: 'user1', password })).ok).toBe(true);
    await settled();
    expect(world.steps.slice(3)).toEqual(['hash', 'begin ordinary', 'fence user', 'commit']);
    expect((await stored(world, user.id)).user).toEqual(user);
  });

  it('does not undo a change of the password by the new hash of the old one', async () => {
    const world = openWorld();
    const user = await join(world, 1);
    world.hashing.isWeak = true;
    world.hashing.afterVerify = () => changeHash(world, user.id, otherPassword);
    expect((await logIn(world)({ identifier: 'user1', password })).ok).toBe(true);
    await settled();
    const { passwordHash } = await stored(world, user.id);
    expect(await world.hasher.verify(passwordHash, new Secret(otherPassword))).toBe(true);
  });
});
