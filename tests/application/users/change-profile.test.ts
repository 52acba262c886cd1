import { describe, expect, it } from 'vitest';
import { changeProfile } from '../../../application/users/change-profile.ts';
import { attemptLimits } from '../../../domain/attempts.ts';
import { email, phone, userId, username } from '../../support/fixtures.ts';
import { changeHash, join, openWorld, otherPassword, password, stored } from '../world.ts';

describe('change profile', () => {
  it('changes the fields that are given, clears with null, and leaves the others', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    await world.clock.advance(1000);
    const input = { username: 'Ada', name: 'Ada', bio: null, skills: ['engines'] };
    const changed = await changeProfile(world)(ada.id, input);
    expect(changed).toEqual({
      ok: true,
      value: {
        ...ada,
        username: 'ada',
        name: 'Ada',
        bio: null,
        skills: ['engines'],
        version: 2,
        updatedAtMs: expect.any(Number),
      },
    });
    expect(changed.ok && changed.value).toEqual((await stored(world, ada.id)).user);
    expect(world.steps).toEqual(['begin ordinary', 'fence user', 'commit']);
  });

  it('checks the password before it changes an email or a phone', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const input = { email: 'new@example.com', phone: null, currentPassword: password };
    const changed = await changeProfile(world)(ada.id, input);
    expect(changed).toMatchObject({ ok: true, value: { email: 'new@example.com', phone: null, version: 2 } });
    expect(world.steps).toEqual(['admit', 'verify', 'succeeded', 'begin ordinary', 'fence user', 'commit']);
  });

  it('refuses input that is wrong or empty, and an email or phone without the password', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const issues = async (input: Parameters<ReturnType<typeof changeProfile>>[1]) => {
      const refused = await changeProfile(world)(ada.id, input);
      return refused.ok || refused.error.code !== 'invalid-input'
        ? []
        : refused.error.issues.map(({ path, code }) => [...path, code].join(' '));
    };
    expect(await issues({ username: 'x', avatarUrl: 'http://x' })).toEqual([
      'username too-short',
      'avatarUrl invalid-format',
    ]);
    expect(await issues({})).toEqual(['empty']);
    expect(await issues({ email: 'new@example.com' })).toEqual(['currentPassword required']);
    expect(await issues({ phone: null })).toEqual(['currentPassword required']);
    expect(world.steps).toEqual([]);
  });

  it('changes nothing with a wrong password, whatever it is sent with', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    for (const input of [{ email: 'new@example.com' }, { name: 'Ada' }]) {
      world.steps.length = 0;
      const refused = await changeProfile(world)(ada.id, { ...input, currentPassword: otherPassword });
      expect(refused).toEqual({ ok: false, error: { code: 'wrong-password' } });
      expect(world.steps).toEqual(['admit', 'verify']);
    }
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('changes nothing if the password was changed after it was checked', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    world.hashing.afterVerify = () => changeHash(world, ada.id, otherPassword);
    const input = { email: 'new@example.com', currentPassword: password };
    expect(await changeProfile(world)(ada.id, input)).toEqual({
      ok: false,
      error: { code: 'wrong-password' },
    });
    expect((await stored(world, ada.id)).user).toEqual(ada);
    expect(world.steps.at(-1)).toBe('roll back');
  });

  it('counts wrong passwords like failed log-ins', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const guess = (currentPassword: string) => changeProfile(world)(ada.id, { name: 'Ada', currentPassword });
    for (let n = 0; n < attemptLimits.freeOfOrigin; n++) await guess(otherPassword);
    expect(await guess(password)).toMatchObject({ ok: false, error: { code: 'too-many-attempts' } });
    expect(world.steps.slice(-2)).toEqual(['refuse', 'verify nothing']);
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('fails for another version than the expected one', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { version: 5 });
    expect(await changeProfile(world)(ada.id, { name: 'Ada' }, 4)).toEqual({
      ok: false,
      error: { code: 'version-conflict' },
    });
    expect(await changeProfile(world)(ada.id, { name: 'Ada' }, 5)).toMatchObject({ ok: true });
    expect(await changeProfile(world)(ada.id, { name: 'Ada' }, 5)).toMatchObject({ ok: false });
  });

  it.each([
    ['email-taken', { email: 'taken@example.com' }],
    ['username-taken', { username: 'taken' }],
    ['phone-taken', { phone: '+442079460000' }],
  ])('fails with %s and changes nothing', async (code, input) => {
    const world = openWorld();
    const ada = await join(world, 1);
    const fields = { email: email('taken@example.com'), username: username('taken') };
    await join(world, 2, { ...fields, phone: phone('+442079460000') });
    const refused = await changeProfile(world)(ada.id, { ...input, currentPassword: password, name: 'Ada' });
    expect(refused).toEqual({ ok: false, error: { code } });
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('does not find who is not there, with a password or without', async () => {
    const world = openWorld();
    const missing = { ok: false, error: { code: 'user-not-found' } };
    expect(await changeProfile(world)(userId(9), { name: 'Ada' })).toEqual(missing);
    expect(await changeProfile(world)(userId(9), { name: 'Ada', currentPassword: password })).toEqual(
      missing,
    );
  });
});
