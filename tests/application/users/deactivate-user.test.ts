import { describe, expect, it } from 'vitest';
import { deactivateUser } from '../../../application/users/deactivate-user.ts';
import { userId } from '../../support/fixtures.ts';
import { confirmation, join, openWorld, stored } from '../world.ts';

describe('deactivate user', () => {
  it('deactivates and ends all tokens by a security write', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const changed = await deactivateUser(world)(ada.id.toUpperCase());
    expect(changed).toMatchObject({
      ok: true,
      value: { user: { isActive: false, tokenVersion: 2, version: 2 }, confirmation },
    });
    expect(changed.ok && changed.value.user).toEqual((await stored(world, ada.id)).user);
    expect(world.steps).toEqual(['begin security', 'fence user', 'commit']);
  });

  it('leaves who is deactivated already as they are, and yet waits behind the fence', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { isActive: false });
    expect(await deactivateUser(world)(ada.id)).toEqual({ ok: true, value: { user: ada, confirmation } });
    expect(world.steps).toEqual(['begin security', 'fence user', 'commit']);
  });

  it('keeps the last active administrator, and not the last but one', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { role: 'admin' });
    await join(world, 2, { role: 'admin', isActive: false });
    const refused = { ok: false, error: { code: 'last-admin' } };
    expect(await deactivateUser(world)(ada.id)).toEqual(refused);
    expect((await stored(world, ada.id)).user).toEqual(ada);
    const bob = await join(world, 3, { role: 'admin' });
    expect(await deactivateUser(world)(ada.id)).toMatchObject({ ok: true });
    expect(await deactivateUser(world)(bob.id)).toEqual(refused);
  });

  it('does not find who is not there, nor what is no id', async () => {
    const missing = { ok: false, error: { code: 'user-not-found' } };
    for (const id of [userId(9), 'x']) expect(await deactivateUser(openWorld())(id)).toEqual(missing);
  });
});
