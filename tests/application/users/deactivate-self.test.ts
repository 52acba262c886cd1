import { describe, expect, it } from 'vitest';
import { deactivateSelf } from '../../../application/users/deactivate-self.ts';
import { attemptLimits } from '../../../domain/attempts.ts';
import { userId } from '../../support/fixtures.ts';
import { changeHash, confirmation, join, openWorld, otherPassword, password, stored } from '../world.ts';

describe('deactivate self', () => {
  it('checks the password, then deactivates and ends all tokens by a security write', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    expect(await deactivateSelf(world)(ada.id, { password })).toEqual({ ok: true, value: { confirmation } });
    expect((await stored(world, ada.id)).user).toMatchObject({
      isActive: false,
      tokenVersion: 2,
      version: 2,
    });
    expect(world.steps).toEqual(['admit', 'verify', 'succeeded', 'begin security', 'fence user', 'commit']);
  });

  it('changes nothing with a wrong password, or one that was changed meanwhile', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const refused = { ok: false, error: { code: 'wrong-password' } };
    expect(await deactivateSelf(world)(ada.id, { password: otherPassword })).toEqual(refused);
    world.hashing.afterVerify = () => changeHash(world, ada.id, otherPassword);
    expect(await deactivateSelf(world)(ada.id, { password })).toEqual(refused);
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('counts wrong passwords like failed log-ins', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    for (let n = 0; n < attemptLimits.freeOfOrigin; n++) {
      await deactivateSelf(world)(ada.id, { password: otherPassword });
    }
    expect(await deactivateSelf(world)(ada.id, { password })).toMatchObject({
      ok: false,
      error: { code: 'too-many-attempts' },
    });
    expect(world.steps.slice(-2)).toEqual(['refuse', 'verify nothing']);
  });

  it('keeps the last active administrator', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { role: 'admin' });
    await join(world, 2, { role: 'admin', isActive: false });
    expect(await deactivateSelf(world)(ada.id, { password })).toEqual({
      ok: false,
      error: { code: 'last-admin' },
    });
    await join(world, 3, { role: 'admin' });
    expect(await deactivateSelf(world)(ada.id, { password })).toMatchObject({ ok: true });
  });

  it('does not find who is not there', async () => {
    const missing = { ok: false, error: { code: 'user-not-found' } };
    expect(await deactivateSelf(openWorld())(userId(9), { password })).toEqual(missing);
  });
});
