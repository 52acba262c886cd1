import { describe, expect, it } from 'vitest';
import { getProfile } from '../../../application/users/get-profile.ts';
import { toProfile } from '../../../domain/user.ts';
import { userId } from '../../support/fixtures.ts';
import { join, openWorld } from '../world.ts';

describe('get profile', () => {
  it('answers by id or username, as they were typed, with what others may see', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const expected = { ok: true, value: { value: toProfile(ada), source: 'miss' } };
    expect(await getProfile(world.directory)({ id: ada.id.toUpperCase() })).toEqual(expected);
    expect(await getProfile(world.directory)({ username: ' USER1' })).toEqual(expected);
  });

  it('does not find who is deactivated or not there, nor what is no key', async () => {
    const world = openWorld();
    const { id, username } = await join(world, 1, { isActive: false });
    for (const key of [{ id }, { username }, { id: userId(9) }, { id: 'x' }, { username: '' }]) {
      expect(await getProfile(world.directory)(key)).toEqual({
        ok: false,
        error: { code: 'user-not-found' },
      });
    }
  });
});
