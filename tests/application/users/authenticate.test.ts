import { describe, expect, it } from 'vitest';
import { authenticate } from '../../../application/users/authenticate.ts';
import { revokeTokens } from '../../../domain/user.ts';
import { user, userId } from '../../support/fixtures.ts';
import { join, openWorld } from '../world.ts';

const refused = { ok: false, error: { code: 'invalid-token' } };
const tokenOf = (n: number, version = 1): string => `${userId(n)} ${version}`;

describe('authenticate', () => {
  it('answers with the user of a token, as the directory has it', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    world.cached.set(ada.id, ada);
    expect(await authenticate(world)(tokenOf(1))).toEqual({
      ok: true,
      value: { value: ada, source: 'memory' },
    });
    expect(await authenticate(world)(tokenOf(1), 'authoritative')).toEqual({
      ok: true,
      value: { value: ada, source: 'bypass' },
    });
    expect(world.steps).toEqual(['find bounded', 'find authoritative']);
  });

  it('refuses what is no token, and asks nobody', async () => {
    const world = openWorld();
    expect(await authenticate(world)('garbage')).toEqual(refused);
    expect(world.steps).toEqual([]);
  });

  it('refuses the token of a user who is gone, is deactivated, or has ended it', async () => {
    const world = openWorld();
    await join(world, 1, { isActive: false });
    await join(world, 2, { tokenVersion: 2 });
    for (const n of [1, 2, 3]) expect(await authenticate(world)(tokenOf(n))).toEqual(refused);
    // The directory had them from the database, which need not be asked again.
    expect(world.steps).toEqual(['find bounded', 'find bounded', 'find bounded']);
  });

  it('never lets a cached user refuse a token: the database is asked', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { tokenVersion: 2 });
    world.cached.set(ada.id, user(1, { tokenVersion: 1 }));
    expect(await authenticate(world)(tokenOf(1, 2))).toEqual({
      ok: true,
      value: { value: ada, source: 'bypass' },
    });
    world.cached.set(ada.id, user(1, { tokenVersion: 2, isActive: false }));
    expect(await authenticate(world)(tokenOf(1, 2))).toMatchObject({ ok: true });
    expect(world.steps).toEqual(['find bounded', 'find authoritative', 'find bounded', 'find authoritative']);
  });

  it('lets a cached user accept a token within the bound, and not when asked to be authoritative', async () => {
    const world = openWorld();
    const was = user(1);
    await join(world, 1, revokeTokens(was, was.updatedAtMs));
    world.cached.set(was.id, was);
    expect(await authenticate(world)(tokenOf(1))).toMatchObject({ ok: true });
    expect(await authenticate(world)(tokenOf(1), 'authoritative')).toEqual(refused);
  });

  it('refuses if the database says so as well', async () => {
    const world = openWorld();
    const ada = await join(world, 1, { tokenVersion: 3 });
    world.cached.set(ada.id, user(1, { tokenVersion: 1 }));
    expect(await authenticate(world)(tokenOf(1, 2))).toEqual(refused);
  });
});
