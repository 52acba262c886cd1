import { describe, expect, it } from 'vitest';
import { contactPage } from '../../../adapters/http/wire/representations.ts';
import { at, errorsOf, expectProblem, openWorld, password } from './world.ts';

describe('profiles', () => {
  it('are found by id and by username, and hold nothing private', async () => {
    const world = await openWorld();
    const [ada, bob] = [await world.join('ada'), await world.join('bob')];
    const byId = await bob.send('GET', `/users/${ada.id}`);
    const byName = await bob.send('GET', '/users/by-username/Ada');
    expect(byId.status).toBe(200);
    expect(byName.json).toEqual(byId.json);
    expect(byId.headers.get('etag')).toBe(`"${ada.id}-1"`);
    expect(Object.keys(Object(byId.json)).toSorted()).toEqual(
      'avatar_url bio created_at experience id location name occupation skills username version'.split(' '),
    );
  });

  it.each([
    '/users/nobody',
    '/users/01900000-0000-7000-8000-0000000000ff',
    '/users/by-username/nobody',
    '/users/%2e%2e%2fme',
    '/users/a%00b',
  ])('of %s are not found', async (path) => {
    const ada = await (await openWorld()).join('ada');
    expectProblem(await ada.send('GET', path), 404, 'user-not-found');
  });
});

describe('administrators', () => {
  it('look up users by mixed keys and learn which are missing', async () => {
    const world = await openWorld();
    const admin = await world.joinAsAdmin('ada');
    const bob = await world.join('bob');
    const answer = await admin.send('POST', '/admin/users/lookup', {
      json: {
        ids: [bob.id],
        emails: ['ada@example.com', 'x@example.com'],
        usernames: ['nobody'],
        phones: ['+4915112345678'],
      },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      users: [{ username: 'bob', email: 'bob@example.com' }, { username: 'ada' }],
      missing: [
        { kind: 'email', value: 'x@example.com' },
        { kind: 'username', value: 'nobody' },
        { kind: 'phone', value: '+4915112345678' },
      ],
    });
    const many = await admin.send('POST', '/admin/users/lookup', {
      json: { usernames: Array(501).fill('bob') },
    });
    expectProblem(many, 422, 'invalid-input');
  });

  it('deactivate and reactivate a user', async () => {
    const world = await openWorld();
    const [admin, bob] = [await world.joinAsAdmin('ada'), await world.join('bob')];
    const off = await admin.send('POST', `/admin/users/${bob.id}/deactivate`);
    expect(off.json).toMatchObject({ is_active: false, version: 2 });
    expect(off.headers.get('etag')).toBe(`"${bob.id}-2"`);
    expectProblem(await bob.send('GET', '/me'), 401, 'invalid-token');
    const on = await admin.send('POST', `/admin/users/${bob.id}/reactivate`);
    expect(on.json).toMatchObject({ is_active: true, version: 3 });
  });

  it('change roles, but not the last administrator', async () => {
    const world = await openWorld();
    const [admin, bob] = [await world.joinAsAdmin('ada'), await world.join('bob')];
    const role = (id: string, json: unknown) => admin.send('PUT', `/admin/users/${id}/role`, { json });
    expectProblem(await role(admin.id, { role: 'user' }), 409, 'last-admin');
    expectProblem(await admin.send('POST', `/admin/users/${admin.id}/deactivate`), 409, 'last-admin');
    expect((await role(bob.id, { role: 'admin' })).json).toMatchObject({ role: 'admin' });
    expect((await role(admin.id, { role: 'user' })).status).toBe(200);
    expectProblem(await role(bob.id, { role: 'user' }), 403, 'forbidden');
    const wrong = await bob.send('PUT', `/admin/users/${bob.id}/role`, { json: { role: 'root' } });
    expect(errorsOf(wrong)).toEqual(['#/role invalid-format']);
  });

  it('see what the cache holds, and drop it', async () => {
    const world = await openWorld();
    const [admin, bob] = [await world.joinAsAdmin('ada'), await world.join('bob')];
    const explained = await admin.send('GET', `/admin/cache/users/${bob.id}`);
    expect(explained.json).toEqual({
      entries: expect.arrayContaining([
        {
          record: 'user',
          tier: 'memory',
          state: 'value',
          version: 1,
          ttl_ms: expect.any(Number),
          disbelief: null,
        },
      ]),
    });
    expect(explained.text).not.toMatch(/bob|example/);
    expect((await admin.send('DELETE', `/admin/cache/users/${bob.id}`)).status).toBe(204);
    const after = await admin.send('GET', `/admin/cache/users/${bob.id}`);
    expect(after.text).not.toContain('"state":"value"');
  });

  const routes: readonly (readonly [route: string, json: object | undefined])[] = [
    ['POST /admin/users/x/deactivate', undefined],
    ['POST /admin/users/x/reactivate', undefined],
    ['PUT /admin/users/x/role', { role: 'user' }],
    ['GET /admin/cache/users/x', undefined],
    ['DELETE /admin/cache/users/x', undefined],
  ];

  it.each(routes)('find nobody at %s', async (route, json) => {
    const [method = '', path = ''] = route.split(' ');
    const admin = await (await openWorld()).joinAsAdmin('ada');
    expectProblem(await admin.send(method, path, { json }), 404, 'user-not-found');
  });

  it.each([...routes, ['POST /admin/users/lookup', {}] as const])('alone may %s', async (route, json) => {
    const [method = '', path = ''] = route.split(' ');
    const ada = await (await openWorld()).join('ada');
    expectProblem(await ada.send(method, path, { json }), 403, 'forbidden');
  });
});

describe('contacts', () => {
  const full = {
    first_name: 'Grace',
    last_name: 'Hopper',
    email: 'grace@example.org',
    phone: '+12025550123',
    birthday: '1906-12-09',
    notes: 'Wrote a compiler.\nTwice.',
  };

  it('are added with 201, Location and ETag', async () => {
    const ada = await (await openWorld()).join('ada');
    const answer = await ada.send('POST', '/contacts', { json: full });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({ ...full, version: 1 });
    expect(answer.headers.get('etag')).toBe(`"${at(answer.json, 'id')}-1"`);
    const location = answer.headers.get('location') ?? '';
    expect(location).toBe(`/contacts/${at(answer.json, 'id')}`);
    expect((await ada.send('GET', location)).json).toEqual(answer.json);
  });

  it('need no more than a name', async () => {
    const ada = await (await openWorld()).join('ada');
    const answer = await ada.send('POST', '/contacts', { json: { first_name: 'Grace' } });
    expect(answer.json).toMatchObject({
      last_name: null,
      email: null,
      phone: null,
      birthday: null,
      notes: null,
    });
    const wrong = await ada.send('POST', '/contacts', { json: { birthday: '1990-02-30' } });
    expect(errorsOf(wrong)).toEqual(['#/first_name required', '#/birthday invalid-format']);
    const company = { organization: 'Navy', birthday: '--10-13' };
    const added = await ada.send('POST', '/contacts', { json: company });
    expect(added.json).toMatchObject({ ...company, first_name: null, last_name: null });
    const date = await ada.send('POST', '/contacts', { json: { first_name: 'x', birthday: '1990-02-30' } });
    expect(errorsOf(date)).toEqual(['#/birthday invalid-format']);
  });

  it('have emails of any domain, as they were typed, which accounts have not', async () => {
    const world = await openWorld();
    const ada = await world.join('ada');
    const json = { first_name: 'Grace', email: ' Grace@München.example ' };
    const added = await ada.send('POST', '/contacts', { json });
    expect(added.status).toBe(201);
    expect(at(added.json, 'email')).toBe('Grace@München.example');
    const found = await ada.send('GET', `/contacts?q=${encodeURIComponent('grace@münchen')}`);
    expect(found.json).toMatchObject({ total: 1, items: [{ email: 'Grace@München.example' }] });

    const path = `/contacts/${at(added.json, 'id')}`;
    const changed = await ada.send('PATCH', path, { json: { email: 'Grace@例え.example' } });
    expect(changed.json).toMatchObject({ email: 'Grace@例え.example', version: 2 });
    expect((await ada.send('GET', path)).json).toEqual(changed.json);
    const refused = await ada.send('PATCH', path, { json: { email: 'jürgen@münchen.example' } });
    expectProblem(refused, 422, 'invalid-input');
    expect(errorsOf(refused)).toEqual(['#/email invalid-format']);

    const mine = { email: json.email, current_password: password };
    expect(errorsOf(await ada.send('PATCH', '/me', { json: mine }))).toEqual(['#/email invalid-format']);
  });

  it('are listed newest first, in pages, and searched', async () => {
    const ada = await (await openWorld()).join('ada');
    for (const first_name of ['a', 'b', 'ab']) await ada.send('POST', '/contacts', { json: { first_name } });
    const names = async (query: string) => {
      const answer = await ada.send('GET', `/contacts${query}`);
      expect(answer.status).toBe(200);
      return answer.json;
    };
    expect(await names('')).toMatchObject({
      total: 3,
      skip: 0,
      limit: 20,
      items: [{ first_name: 'ab' }, { first_name: 'b' }, { first_name: 'a' }],
    });
    expect(await names('?skip=1&limit=1')).toMatchObject({
      total: 3,
      skip: 1,
      limit: 1,
      items: [{ first_name: 'b' }],
    });
    expect(await names('?q=a')).toMatchObject({ total: 2 });
  });

  it('are none behind the last one, which is no error (w3c/w3c-website#174)', async () => {
    const ada = await (await openWorld()).join('ada');
    await ada.send('POST', '/contacts', { json: { first_name: 'a' } });
    for (const skip of [1, 1_000_000])
      expect(await ada.send('GET', `/contacts?skip=${skip}`)).toMatchObject({
        status: 200,
        json: { items: [], total: 1, next_cursor: null },
      });
  });

  it('are found by a plus, also where a client sends it as it is (chatwoot/chatwoot#4089)', async () => {
    const ada = await (await openWorld()).join('ada');
    await ada.send('POST', '/contacts', { json: { first_name: 'O', email: 'omercan+ikas@example.com' } });
    for (const q of ['omercan+ikas@example.com', 'omercan%2Bikas@example.com'])
      expect((await ada.send('GET', `/contacts?q=${q}`)).json).toMatchObject({ total: 1 });
  });

  it('may be written as a vCard has it, and are answered in one form', async () => {
    const ada = await (await openWorld()).join('ada');
    const json = { last_name: 'Voltaire', phone: 'tel:+33-1-23-45-67-89', birthday: '--1121' };
    expect((await ada.send('POST', '/contacts', { json })).json).toMatchObject({
      first_name: null,
      last_name: 'Voltaire',
      phone: '+33123456789',
      birthday: '--11-21',
    });
  });

  it('are listed page by page with next_cursor, which is of one list', async () => {
    const world = await openWorld();
    const ada = await world.join('ada');
    for (const first_name of ['a', 'b', 'c']) await ada.send('POST', '/contacts', { json: { first_name } });
    const first = (await ada.send('GET', '/contacts?limit=2')).json;
    const { items } = contactPage.parse(first);
    expect(first).toMatchObject({ total: 3, skip: 0, items: [{ first_name: 'c' }, { first_name: 'b' }] });
    const cursor = at(first, 'next_cursor');
    expect(cursor).toMatch(/^[A-Za-z0-9]{1,80}$/);
    const path = `/contacts?limit=2&cursor=${cursor}`;
    expect((await ada.send('GET', path)).json).toEqual({
      items: [expect.objectContaining({ first_name: 'a' })],
      total: 3,
      skip: null,
      limit: 2,
      next_cursor: null,
    });
    // It is cached like any page, and a write ends that at once.
    expect((await ada.send('GET', path)).headers.get('cache-status')).toMatch(/^kith; hit/);
    await ada.send('DELETE', `/contacts/${items[1]?.id}`);
    expect((await ada.send('GET', path)).json).toMatchObject({ total: 2, items: [{ first_name: 'a' }] });
    const bob = await world.join('bob');
    expect(errorsOf(await bob.send('GET', path))).toEqual(['#/cursor invalid-format']);
    expect(errorsOf(await ada.send('GET', `${path}&q=a`))).toEqual(['#/cursor invalid-format']);
    expect(errorsOf(await ada.send('GET', `${path}&skip=0`))).toEqual(['#/skip out-of-range']);
  });

  it.each([
    ['limit=0', '#/limit out-of-range'],
    ['limit=101', '#/limit out-of-range'],
    // outline/outline#953, alerta/alerta#80, api-platform/core#1860, getgrav/grav#2803, C14L/dtr5#91
    ['limit=-20', '#/limit invalid-format'],
    ['skip=text20text', '#/skip invalid-format'],
    ['skip=[object Object]', '#/skip invalid-format'],
    ['skip=NaN', '#/skip invalid-format'],
    ['limit=1e1', '#/limit invalid-format'],
    ['limit=', '#/limit invalid-format'],
    ['skip=-1', '#/skip invalid-format'],
    ['skip=0x10', '#/skip invalid-format'],
    ['skip=1000001', '#/skip out-of-range'],
    ['q=', '#/q too-short'],
    ['cursor=', '#/cursor invalid-format'],
    ['cursor=nonsense', '#/cursor invalid-format'],
    [`q=${'a'.repeat(101)}`, '#/q too-long'],
    ['skip=0&skip=1', '#/skip repeated'],
    ['q=a&q=a&limit=1', '#/q repeated'],
  ])('are not listed with ?%.30s', async (query, error) => {
    const ada = await (await openWorld()).join('ada');
    const answer = await ada.send('GET', `/contacts?${query}`);
    expectProblem(answer, 422, 'invalid-input');
    expect(errorsOf(answer)).toEqual([error]);
  });

  it('change in the fields that are sent', async () => {
    const ada = await (await openWorld()).join('ada');
    const { json } = await ada.send('POST', '/contacts', { json: full });
    const path = `/contacts/${at(json, 'id')}`;
    const changed = await ada.send('PATCH', path, { json: { notes: null, first_name: 'G.' } });
    expect(changed.json).toMatchObject({ ...full, notes: null, first_name: 'G.', version: 2 });
    expect(changed.headers.get('etag')).toBe(`"${at(json, 'id')}-2"`);
    expect(errorsOf(await ada.send('PATCH', path, { json: {} }))).toEqual(['# empty']);
    expect(errorsOf(await ada.send('PATCH', path, { json: { first_name: null, last_name: null } }))).toEqual([
      '#/first_name required',
    ]);
  });

  it('are removed', async () => {
    const ada = await (await openWorld()).join('ada');
    const { json } = await ada.send('POST', '/contacts', { json: full });
    const path = `/contacts/${at(json, 'id')}`;
    expect((await ada.send('DELETE', path)).status).toBe(204);
    for (const method of ['GET', 'DELETE'])
      expectProblem(await ada.send(method, path), 404, 'contact-not-found');
  });

  it('of others do not exist', async () => {
    const world = await openWorld();
    const [ada, bob] = [await world.join('ada'), await world.join('bob')];
    const { json } = await ada.send('POST', '/contacts', { json: full });
    const path = `/contacts/${at(json, 'id')}`;
    const real = await bob.send('GET', path, { headers: { 'x-request-id': 'same' } });
    const unreal = await bob.send('GET', '/contacts/nonsense', { headers: { 'x-request-id': 'same' } });
    expectProblem(real, 404, 'contact-not-found');
    expect(unreal.text).toBe(real.text);
    expectProblem(await bob.send('PATCH', path, { json: { notes: 'x' } }), 404, 'contact-not-found');
    expectProblem(
      await bob.send('DELETE', path, {
        headers: { 'if-match': `"${at(json, 'id')}-1", "${at(json, 'id')}-2"` },
      }),
      404,
      'contact-not-found',
    );
  });
});
