import { describe, expect, it } from 'vitest';
import { reactivateUser } from '../../../application/users/reactivate-user.ts';
import { userId } from '../../support/fixtures.ts';
import { join, openWorld, stored } from '../world.ts';

describe('reactivate user', () => {
  it('lets a user log in again and brings no old token back', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { isActive: false, tokenVersion: 2 });
    const changed = await reactivateUser(world)(ada.id);
    expect(changed).toMatchObject({ ok: true, value: { isActive: true, tokenVersion: 2, version: 2 } });
    expect(changed.ok && changed.value).toEqual((await stored(world, ada.id)).user);
    expect(world.steps).toEqual(['begin ordinary', 'fence user', 'commit']);
  });

  it('leaves who is active as they are, without a fence', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    expect(await reactivateUser(world)(ada.id)).toEqual({ ok: true, value: ada });
    expect(world.steps).toEqual(['begin ordinary', 'commit']);
  });

  it('does not find who is not there, nor what is no id', async () => {
    const missing = { ok: false, error: { code: 'user-not-found' } };
    for (const id of [userId(9), 'x']) expect(await reactivateUser(openWorld())(id)).toEqual(missing);
  });
});
