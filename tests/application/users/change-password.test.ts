import { describe, expect, it } from 'vitest';
import { changePassword } from '../../../application/users/change-password.ts';
import { attemptLimits } from '../../../domain/attempts.ts';
import { Secret } from '../../../domain/secret.ts';
import { userId } from '../../support/fixtures.ts';
import { changeHash, join, openWorld, otherPassword, password, stored } from '../world.ts';

const input = { currentPassword: password, newPassword: otherPassword };

describe('change password', () => {
  it('stores the new hash, ends all tokens, and opens a session under the new version', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const session = await changePassword(world)(ada.id, input, 1);
    expect(session).toMatchObject({ ok: true, value: { user: { version: 2, tokenVersion: 2 } } });
    expect(session.ok && Secret.reveal(session.value.token)).toBe(`${ada.id} 2`);
    const { user, passwordHash } = await stored(world, ada.id);
    expect(session.ok && session.value.user).toEqual(user);
    expect(await world.hasher.verify(passwordHash, new Secret(otherPassword))).toBe(true);
  });

  it('checks the present password before it hashes the new one, both before its security write', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    await changePassword(world)(ada.id, input);
    expect(world.steps).toEqual([
      'admit',
      'verify',
      'succeeded',
      'hash',
      'begin security',
      'fence user',
      'commit',
    ]);
  });

  it.each([
    ['too-short', 'short'],
    ['too-guessable', 'user1@example.com'],
  ])('refuses a new password that is %s and spends no hash on it', async (code, newPassword) => {
    const world = openWorld();
    const ada = await join(world, 1);
    expect(await changePassword(world)(ada.id, { ...input, newPassword })).toMatchObject({
      ok: false,
      error: { code: 'invalid-input', issues: [{ path: ['newPassword'], code }] },
    });
    expect(world.steps).toEqual([]);
  });

  it('changes nothing with a wrong password', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const refused = await changePassword(world)(ada.id, { ...input, currentPassword: otherPassword });
    expect(refused).toEqual({ ok: false, error: { code: 'wrong-password' } });
    expect(world.steps).toEqual(['admit', 'verify']);
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('lets only the first of two changes with the same password through', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    world.hashing.afterVerify = () => changeHash(world, ada.id, 'a third horse battery');
    expect(await changePassword(world)(ada.id, input)).toEqual({
      ok: false,
      error: { code: 'wrong-password' },
    });
    const { user, passwordHash } = await stored(world, ada.id);
    expect(user).toEqual(ada);
    expect(await world.hasher.verify(passwordHash, new Secret('a third horse battery'))).toBe(true);
  });

  it('counts wrong passwords like failed log-ins', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    for (let n = 0; n < attemptLimits.freeOfOrigin; n++) {
      await changePassword(world)(ada.id, { ...input, currentPassword: otherPassword });
    }
    expect(await changePassword(world)(ada.id, input)).toMatchObject({
      ok: false,
      error: { code: 'too-many-attempts', retryAfterMs: attemptLimits.firstDelayMs },
    });
    expect(world.steps.slice(-2)).toEqual(['refuse', 'verify nothing']);
  });

  it('fails for another version than the expected one', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { version: 5 });
    expect(await changePassword(world)(ada.id, input, 4)).toEqual({
      ok: false,
      error: { code: 'version-conflict' },
    });
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('does not find who is not there', async () => {
    const missing = { ok: false, error: { code: 'user-not-found' } };
    expect(await changePassword(openWorld())(userId(9), input)).toEqual(missing);
  });
});
