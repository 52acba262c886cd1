import { describe, expect, it } from 'vitest';
import { getUser } from '../../../application/users/get-user.ts';
import { email } from '../../support/fixtures.ts';
import { join, openWorld } from '../world.ts';

describe('get user', () => {
  it('answers by any key, deactivated or not, with where it was read', async () => {
    const world = openWorld();
    const { directory } = world;
    const ada = await join(world, 1, { isActive: false });
    const keys = [
      { kind: 'id', value: ada.id },
      { kind: 'email', value: ada.email },
      { kind: 'username', value: ada.username },
    ] as const;
    for (const key of keys) {
      expect(await getUser(directory)(key)).toEqual({ ok: true, value: { value: ada, source: 'miss' } });
    }
    expect(await getUser(directory)(keys[0], 'authoritative')).toMatchObject({
      ok: true,
      value: { source: 'bypass' },
    });
  });

  it('does not find who is not there', async () => {
    const key = { kind: 'email', value: email('nobody@example.com') } as const;
    expect(await getUser(openWorld().directory)(key)).toEqual({
      ok: false,
      error: { code: 'user-not-found' },
    });
  });
});
