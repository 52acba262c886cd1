import { describe, expect, it } from 'vitest';
import { signOutEverywhere } from '../../../application/users/sign-out-everywhere.ts';
import { userId } from '../../support/fixtures.ts';
import { confirmation, join, openWorld, stored } from '../world.ts';

describe('sign out everywhere', () => {
  it('ends all tokens by a security write', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    expect(await signOutEverywhere(world)(ada.id)).toEqual({ ok: true, value: { confirmation } });
    expect((await stored(world, ada.id)).user).toMatchObject({ version: 2, tokenVersion: 2, isActive: true });
    expect(world.steps).toEqual(['begin security', 'fence user', 'commit']);
  });

  it('does not find who is not there', async () => {
    const world = openWorld();
    const missing = { ok: false, error: { code: 'user-not-found' } };
    expect(await signOutEverywhere(world)(userId(9))).toEqual(missing);
    expect(world.steps).toEqual(['begin security', 'roll back']);
  });
});
