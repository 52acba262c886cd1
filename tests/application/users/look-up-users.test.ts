import { describe, expect, it } from 'vitest';
import { lookUpUsers, maxLookUpKeys } from '../../../application/users/look-up-users.ts';
import { userId } from '../../support/fixtures.ts';
import { join, openWorld } from '../world.ts';

describe('look up users', () => {
  it('answers with each user once, and with the keys that nobody has', async () => {
    const world = openWorld();
    const [ada, bob] = [await join(world, 1), await join(world, 2, { isActive: false })];
    const found = await lookUpUsers(world.directory)({
      ids: [ada.id, ada.id.toUpperCase(), userId(9)],
      emails: ['USER1@example.com', 'nobody@example.com'],
      usernames: ['user2', 'admin'],
      phones: ['+49 170 0000002'],
    });
    expect(found).toEqual({
      ok: true,
      value: {
        users: [ada, bob],
        missing: [
          { kind: 'id', value: userId(9) },
          { kind: 'email', value: 'nobody@example.com' },
          { kind: 'username', value: 'admin' },
        ],
      },
    });
    // A key that was sent twice is asked for once.
    expect(world.steps).toEqual(['find 7']);
  });

  it('tells of every key that is none, by its place, and looks nobody up', async () => {
    const world = openWorld();
    const refused = await lookUpUsers(world.directory)({ ids: [userId(1), 'x'], emails: ['y'] });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'invalid-input', issues: [{ path: ['ids', 1] }, { path: ['emails', 0] }] },
    });
    expect(world.steps).toEqual([]);
  });

  it('takes as many keys as it says, and not one more', async () => {
    const world = openWorld();
    const ids = Array.from({ length: maxLookUpKeys }, (_, n) => userId(n + 1));
    expect((await lookUpUsers(world.directory)({ ids })).ok).toBe(true);
    expect(await lookUpUsers(world.directory)({ ids, usernames: ['user1'] })).toMatchObject({
      ok: false,
      error: { code: 'invalid-input', issues: [{ path: [], code: 'too-many' }] },
    });
  });
});
