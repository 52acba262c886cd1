import { describe, expect, it } from 'vitest';
import { register } from '../../../application/users/register.ts';
import { Secret } from '../../../domain/secret.ts';
import { email, phone, username } from '../../support/fixtures.ts';
import { join, openWorld, password, settled, stored } from '../world.ts';

const input = { email: 'Ada@Example.com', username: 'Ada', password };

describe('register', () => {
  it('stores a user in canonical form with the hash of the password, and opens a session', async () => {
    const world = openWorld();
    const session = await register(world)({ ...input, phone: '+44 20 7946 0000', name: 'Ada' });
    if (!session.ok) throw new Error(session.error.code);
    const { user, token, expiresInSeconds } = session.value;
    expect(user).toMatchObject({ email: 'ada@example.com', username: 'ada', phone: '+442079460000' });
    expect(user).toMatchObject({ name: 'Ada', role: 'user', isActive: true, version: 1, tokenVersion: 1 });
    expect([Secret.reveal(token), expiresInSeconds]).toEqual([`${user.id} 1`, 900]);
    const account = await stored(world, user.id);
    expect(account.user).toEqual(user);
    expect(await world.hasher.verify(account.passwordHash, new Secret(password))).toBe(true);
  });

  it('hashes before its transaction, raises the fence before it inserts, and reads the user into the cache', async () => {
    const world = openWorld();
    await register(world)(input);
    await settled();
    expect(world.steps).toEqual(['hash', 'begin ordinary', 'fence user', 'commit', 'find bounded']);
  });

  it('makes the place where it happened familiar, if it is known', async () => {
    const world = openWorld();
    await register(world)({ ...input, origin: '192.0.2.1' });
    await settled();
    expect(world.steps).toContain('succeeded');
  });

  it('is done even if nothing can be cached and no place made familiar', async () => {
    const world = openWorld();
    const down = () => Promise.reject(new TypeError('down'));
    const directory = { ...world.directory, find: down };
    const throttle = { ...world.throttle, succeeded: down };
    const session = await register({ ...world, directory, throttle })({ ...input, origin: '192.0.2.1' });
    expect(session.ok).toBe(true);
    await settled();
    expect(world.steps.slice(-2)).toEqual([
      'background-task-failed {"task":"cache-on-creation","error":"TypeError"}',
      'background-task-failed {"task":"familiar-origin","error":"TypeError"}',
    ]);
  });

  it('tells everything that is wrong with the input at once, and hashes and stores nothing', async () => {
    const world = openWorld();
    const wrong = { email: 'x', username: 'admin', password: 'short', phone: '1', name: '' };
    const refused = await register(world)(wrong);
    expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
    const issues = refused.ok || refused.error.code !== 'invalid-input' ? [] : refused.error.issues;
    expect(issues.map(({ path, code }) => [...path, code].join(' '))).toEqual([
      'email invalid-format',
      'username reserved',
      'password too-short',
      'phone invalid-format',
      'name too-short',
    ]);
    expect(world.steps).toEqual([]);
  });

  it('takes no password that is made of the email or the username', async () => {
    for (const guessable of ['ada@example.com', 'adaadaadaadaada', 'AdaAdaAdaAdaAda1']) {
      expect(await register(openWorld())({ ...input, password: guessable })).toMatchObject({
        ok: false,
        error: { issues: [{ path: ['password'], code: 'too-guessable' }] },
      });
    }
  });

  it.each([
    ['email-taken', { email: email('ada@example.com') }],
    ['username-taken', { username: username('ada') }],
    ['phone-taken', { phone: phone('+442079460000') }],
  ])('fails with %s if another has it, and stores nothing', async (code, fields) => {
    const world = openWorld();
    await join(world, 1, fields);
    const refused = await register(world)({ ...input, phone: '+442079460000' });
    expect(refused).toEqual({ ok: false, error: { code } });
    await settled();
    expect(world.steps).toEqual(['hash', 'begin ordinary', 'fence user', 'roll back']);
  });

  it('throws if the ids that it is given are none', async () => {
    const world = openWorld();
    const ids = { ...world.ids, uuid: () => 'x' };
    await expect(register({ ...world, ids })(input)).rejects.toThrow(TypeError);
  });
});
