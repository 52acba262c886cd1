import { describe, expect, it } from 'vitest';
import { bootstrapAdmin } from '../../../application/users/first-admin.ts';
import { email } from '../../support/fixtures.ts';
import { join, openWorld, password } from '../world.ts';

const input = { email: 'Ada.Lovelace@example.com', password };
const key = { kind: 'email', value: email('ada.lovelace@example.com') } as const;

describe('the first administrator', () => {
  it('is created if there is none who is active, with a name made of the email', async () => {
    const world = openWorld();
    await join(world, 1);
    await join(world, 2, { role: 'admin', isActive: false });
    expect(await bootstrapAdmin(world)(input)).toEqual({ ok: true, value: true });
    const created = await world.users.find(key);
    expect(created).toMatchObject({ role: 'admin', isActive: true });
    expect(created?.username).toMatch(/^adalovelace-[0-9a-f]{6}$/);
  });

  it('is not created twice, nor beside another', async () => {
    const world = openWorld();
    await join(world, 1, { role: 'admin' });
    expect(await bootstrapAdmin(world)(input)).toEqual({ ok: true, value: false });
    expect(await world.users.find(key)).toBeUndefined();
    expect(world.steps).toEqual([]);
  });

  it('is not created of input that is wrong, or of an email that another has', async () => {
    const world = openWorld();
    expect(await bootstrapAdmin(world)({ ...input, password: 'short' })).toMatchObject({
      ok: false,
      error: { code: 'invalid-input', issues: [{ path: ['password'], code: 'too-short' }] },
    });
    await join(world, 1, { email: key.value });
    expect(await bootstrapAdmin(world)(input)).toEqual({ ok: false, error: { code: 'email-taken' } });
    expect(await world.users.countAdmins()).toBe(0);
  });

  it('is made by one of two instances that start at once, and the other has nothing to complain of', async () => {
    const world = openWorld();
    const both = await Promise.all([bootstrapAdmin(world)(input), bootstrapAdmin(world)(input)]);
    expect(both.map((made) => made.ok && made.value).sort()).toEqual([false, true]);
    expect(both.every(({ ok }) => ok)).toBe(true);
    expect(await world.users.countAdmins()).toBe(1);
  });
});
