import { describe, expect, it } from 'vitest';
import { fail } from '../../../domain/result.ts';
import { at, errorsOf, expectProblem, openWorld, password } from './world.ts';

const ada = { email: 'ada@example.com', username: 'ada', password };

describe('registering', () => {
  it('answers 201 with a session, and Location names the user', async () => {
    const { send } = await openWorld();
    const answer = await send('POST', '/auth/register', {
      json: { ...ada, phone: '+49 151 1234-5678', name: 'Ada' },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/users/${at(answer.json, 'user', 'id')}`);
    expect(answer.json).toMatchObject({
      token_type: 'Bearer',
      expires_in: 900,
      user: {
        email: 'ada@example.com',
        username: 'ada',
        phone: '+4915112345678',
        name: 'Ada',
        bio: null,
        skills: [],
        avatar_url: null,
        role: 'user',
        is_active: true,
        is_verified: false,
        version: 1,
      },
    });
    expect(at(answer.json, 'user', 'created_at')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(answer.text).not.toContain(password);
  });

  it.each(['email', 'username', 'phone'])('answers 409 when the %s is taken', async (kind) => {
    const { send } = await openWorld();
    const first = { ...ada, phone: '+4915112345678' };
    await send('POST', '/auth/register', { json: first });
    const others = { email: 'b@example.com', username: 'bob', phone: '+4915100000000', password };
    const same = Object.entries(first).filter(([name]) => name === kind);
    const answer = await send('POST', '/auth/register', { json: { ...others, ...Object.fromEntries(same) } });
    expectProblem(answer, 409, `${kind}-taken`);
  });

  it('lists every field that is wrong', async () => {
    const { send } = await openWorld();
    const answer = await send('POST', '/auth/register', {
      json: { email: 'nobody', username: 'admin', password, phone: '12' },
    });
    expectProblem(answer, 422, 'invalid-input');
    expect(errorsOf(answer)).toEqual([
      '#/email invalid-format',
      '#/username reserved',
      '#/phone invalid-format',
    ]);
  });

  it('lists every field that is missing or of another type, and repeats no value', async () => {
    const { send } = await openWorld();
    const answer = await send('POST', '/auth/register', { json: { email: 17, password: ['canary'] } });
    expectProblem(answer, 422, 'invalid-input');
    expect(errorsOf(answer)).toEqual([
      '#/email invalid-type',
      '#/username required',
      '#/password invalid-type',
    ]);
    expect(answer.text).not.toMatch(/17|canary/);
  });

  it('answers 429 with Retry-After when there were too many', async () => {
    const { send } = await openWorld({
      logIn: async () => fail({ code: 'too-many-attempts', retryAfterMs: 1500 }),
    });
    const answer = await send('POST', '/auth/login', { json: { identifier: 'ada', password } });
    expectProblem(answer, 429, 'too-many-attempts');
    expect(answer.headers.get('retry-after')).toBe('2');
  });
});

describe('logging in', () => {
  it.each(['ada@example.com', 'ADA', '+49 151 12345678'])(
    'takes %s as the identifier',
    async (identifier) => {
      const { send } = await openWorld();
      await send('POST', '/auth/register', { json: { ...ada, phone: '+4915112345678' } });
      const answer = await send('POST', '/auth/login', { json: { identifier, password } });
      expect(answer.status).toBe(200);
      expect(at(answer.json, 'user', 'username')).toBe('ada');
    },
  );

  it('answers alike to an unknown identifier, a wrong password and a deactivated account', async () => {
    const { send, join } = await openWorld();
    await join('ada');
    const bob = await join('bob');
    await bob.send('POST', '/me/deactivate', { json: { password } });
    const headers = { 'x-request-id': 'same' };
    const answers = [];
    for (const json of [
      { identifier: 'nobody', password },
      { identifier: 'ada', password: 'wrong' },
      { identifier: 'bob', password },
    ]) {
      answers.push(await send('POST', '/auth/login', { json, headers }));
    }
    for (const answer of answers) {
      expectProblem(answer, 401, 'invalid-credentials');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect([...answer.headers]).toEqual([...(answers[0]?.headers ?? [])]);
      expect(answer.text).toBe(answers[0]?.text);
    }
  });
});

describe('the own account', () => {
  it('is shown with its ETag', async () => {
    const ada = await (await openWorld()).join('ada');
    const answer = await ada.send('GET', '/me');
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ id: ada.id, username: 'ada', version: 1 });
    expect(answer.headers.get('etag')).toBe(`"${ada.id}-1"`);
  });

  it('changes in the fields that are sent; null clears one', async () => {
    const ada = await (await openWorld()).join('ada');
    const sent = {
      name: 'Ada',
      bio: 'b',
      occupation: 'o',
      location: 'l',
      avatar_url: 'https://example.com/a.png',
      skills: ['x', 'y'],
      experience: 'e',
      username: 'ada2',
    };
    const changed = await ada.send('PATCH', '/me', { json: sent });
    expect(changed.status).toBe(200);
    expect(changed.json).toMatchObject({ ...sent, version: 2 });
    expect(changed.headers.get('etag')).toBe(`"${ada.id}-2"`);
    const cleared = await ada.send('PATCH', '/me', { json: { avatar_url: null } });
    expect(cleared.json).toMatchObject({ ...sent, avatar_url: null, version: 3 });
  });

  it('needs the current password for a new email or phone', async () => {
    const ada = await (await openWorld()).join('ada');
    const change = { email: 'x@example.com', phone: '+4915112345678' };
    const without = await ada.send('PATCH', '/me', { json: change });
    expectProblem(without, 422, 'invalid-input');
    expect(errorsOf(without)).toEqual(['#/current_password required']);
    const wrong = await ada.send('PATCH', '/me', { json: { ...change, current_password: 'wrong' } });
    expectProblem(wrong, 403, 'wrong-password');
    const changed = await ada.send('PATCH', '/me', { json: { ...change, current_password: password } });
    expect(changed.json).toMatchObject(change);
  });

  it('does not change for {}, for a taken name or for a wrong value', async () => {
    const world = await openWorld();
    await world.join('bob');
    const ada = await world.join('ada');
    const empty = await ada.send('PATCH', '/me', { json: {} });
    expectProblem(empty, 422, 'invalid-input');
    expect(errorsOf(empty)).toEqual(['# empty']);
    expectProblem(await ada.send('PATCH', '/me', { json: { username: 'bob' } }), 409, 'username-taken');
    const wrong = await ada.send('PATCH', '/me', { json: { avatar_url: 'http://x', skills: [''] } });
    expect(errorsOf(wrong)).toEqual(['#/avatar_url invalid-format', '#/skills too-short']);
    const nested = await ada.send('PATCH', '/me', { json: { skills: ['a', 1] } });
    expect(errorsOf(nested)).toEqual(['#/skills/1 invalid-type']);
    expect((await ada.send('GET', '/me')).json).toMatchObject({ version: 1 });
  });

  it('gets a new password, which ends every earlier session', async () => {
    const { send, join } = await openWorld();
    const ada = await join('ada');
    const json = { current_password: password, new_password: 'another horse battery' };
    expectProblem(
      await ada.send('PUT', '/me/password', { json: { ...json, current_password: 'no' } }),
      403,
      'wrong-password',
    );
    const short = await ada.send('PUT', '/me/password', { json: { ...json, new_password: 'short' } });
    expect(errorsOf(short)).toEqual(['#/new_password too-short']);
    const changed = await ada.send('PUT', '/me/password', { json });
    expect(changed.status).toBe(200);
    expectProblem(await ada.send('GET', '/me'), 401, 'invalid-token');
    const token = at(changed.json, 'access_token');
    expect((await send('GET', '/me', { token })).status).toBe(200);
  });

  it('signs out everywhere', async () => {
    const ada = await (await openWorld()).join('ada');
    expect((await ada.send('POST', '/me/sign-out-everywhere')).status).toBe(204);
    expectProblem(await ada.send('GET', '/me'), 401, 'invalid-token');
  });

  it('is deactivated with the password, and then nobody finds it', async () => {
    const world = await openWorld();
    const [ada, bob] = [await world.join('ada'), await world.join('bob')];
    expectProblem(
      await ada.send('POST', '/me/deactivate', { json: { password: 'no' } }),
      403,
      'wrong-password',
    );
    expect((await ada.send('POST', '/me/deactivate', { json: { password } })).status).toBe(204);
    expectProblem(await ada.send('GET', '/me'), 401, 'invalid-token');
    expectProblem(await bob.send('GET', `/users/${ada.id}`), 404, 'user-not-found');
    const again = await world.send('POST', '/auth/login', { json: { identifier: 'ada', password } });
    expectProblem(again, 401, 'invalid-credentials');
  });

  it('of a caller who is gone by the time of the write is a matter of the token', async () => {
    const gone = async () => fail({ code: 'user-not-found' } as const);
    const ada = await (
      await openWorld({ changeProfile: gone, signOutEverywhere: gone, addContact: gone })
    ).join('ada');
    expectProblem(await ada.send('PATCH', '/me', { json: { name: 'x' } }), 401, 'invalid-token');
    expectProblem(await ada.send('POST', '/me/sign-out-everywhere'), 401, 'invalid-token');
    expectProblem(await ada.send('POST', '/contacts', { json: { first_name: 'x' } }), 401, 'invalid-token');
  });
});

describe('authentication', () => {
  const routes = [
    'GET /me',
    'GET /contacts',
    'POST /me/deactivate',
    'POST /admin/users/lookup',
    'DELETE /contacts/x',
  ];

  it.each(routes)('is needed for %s', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    const answer = await (await openWorld()).send(method, path);
    expectProblem(answer, 401, 'unauthenticated');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each(['Basic YTpi', 'Bearer', 'Bearer ', 'Bearertoken', ''])(
    'is missing with %j',
    async (authorization) => {
      const answer = await (await openWorld()).send('GET', '/me', { headers: { authorization } });
      expectProblem(answer, 401, 'unauthenticated');
    },
  );

  it.each([
    'Bearer nonsense',
    'Bearer a b',
    'Bearer a, Bearer b',
    'Bearer "x"',
    `Bearer ${'a'.repeat(4097)}`,
  ])('fails with %.30s', async (authorization) => {
    const answer = await (await openWorld()).send('GET', '/me', { headers: { authorization } });
    expectProblem(answer, 401, 'invalid-token');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it.each(['bearer', 'BEARER', 'Bearer  '])('takes %j for the scheme', async (scheme) => {
    const world = await openWorld();
    const { token } = await world.join('ada');
    const answer = await world.send('GET', '/me', { headers: { authorization: `${scheme} ${token}` } });
    expect(answer.status).toBe(200);
  });

  it('comes before the body is looked at', async () => {
    const answer = await (await openWorld()).send('PATCH', '/me', { raw: '{' });
    expectProblem(answer, 401, 'unauthenticated');
  });
});
