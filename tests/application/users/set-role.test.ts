import { describe, expect, it } from 'vitest';
import { setRole } from '../../../application/users/set-role.ts';
import { userId } from '../../support/fixtures.ts';
import { confirmation, join, openWorld, stored } from '../world.ts';

describe('set role', () => {
  it('makes an administrator and takes it back, by security writes', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    await join(world, 2, { role: 'admin' });
    expect(await setRole(world)(ada.id, 'admin')).toMatchObject({
      ok: true,
      value: { user: { role: 'admin', version: 2 } },
    });
    expect(await setRole(world)(ada.id, 'user', 2)).toMatchObject({
      ok: true,
      value: { user: { role: 'user', version: 3 } },
    });
    expect((await stored(world, ada.id)).user).toMatchObject({ role: 'user', tokenVersion: 1 });
    expect(world.steps.slice(3)).toEqual(['begin security', 'fence user', 'commit']);
  });

  it('leaves who has the role as they are, and yet waits behind the fence', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { role: 'admin' });
    expect(await setRole(world)(ada.id, 'admin')).toEqual({ ok: true, value: { user: ada, confirmation } });
    expect(world.steps).toEqual(['begin security', 'fence user', 'commit']);
  });

  it('keeps the last active administrator', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { role: 'admin' });
    await join(world, 2, { role: 'admin', isActive: false });
    expect(await setRole(world)(ada.id, 'user')).toEqual({ ok: false, error: { code: 'last-admin' } });
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('locks the user together with the administrators, in one order, though the user is none yet', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const bob = await join(world, 2, { role: 'admin' });
    const { transactions } = world;
    const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = transactions.run(async ({ users }) => {
      await users.lock(bob.id);
      held.resolve();
      await released.promise;
    });
    await held.promise;
    const changing = setRole(world)(ada.id, 'user');
    let isLocked = true;
    const other = transactions.run(async ({ users }) => {
      await users.lock(ada.id);
      isLocked = false;
    });
    // Everything that can go on has.
    await new Promise((resolve) => setImmediate(resolve));
    expect(isLocked).toBe(true);
    released.resolve();
    await Promise.all([holding, changing, other]);
  });

  it('takes the role from whoever is not active, also from the only one who has it', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { role: 'admin', isActive: false });
    expect(await setRole(world)(ada.id, 'user')).toMatchObject({
      ok: true,
      value: { user: { role: 'user' } },
    });
  });

  it('fails for another version than the expected one, even if there is nothing to change', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { version: 5 });
    for (const role of ['user', 'admin']) {
      expect(await setRole(world)(ada.id, role, 4)).toEqual({
        ok: false,
        error: { code: 'version-conflict' },
      });
    }
    expect((await stored(world, ada.id)).user).toEqual(ada);
  });

  it('knows no other roles', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    for (const role of ['root', '', 'Admin', 'constructor']) {
      expect(await setRole(world)(ada.id, role)).toMatchObject({
        ok: false,
        error: { code: 'invalid-input', issues: [{ path: ['role'], code: 'invalid-format' }] },
      });
    }
    expect(world.steps).toEqual([]);
  });

  it('does not find who is not there, nor what is no id', async () => {
    const missing = { ok: false, error: { code: 'user-not-found' } };
    for (const id of [userId(9), 'x']) expect(await setRole(openWorld())(id, 'admin')).toEqual(missing);
  });
});
