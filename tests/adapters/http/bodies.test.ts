import { describe, expect, it } from 'vitest';
import { at, errorsOf, expectProblem, openWorld, password, type Sending } from './world.ts';

const register = async (sending: Sending) => (await openWorld()).send('POST', '/auth/register', sending);
const ada = JSON.stringify({ email: 'ada@example.com', username: 'ada', password });
const typed = (type: string, raw: Sending['raw'] = ada): Sending =>
  raw === undefined ? {} : { raw, headers: { 'content-type': type } };

describe('the type of a body', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON ;charset="UTF-8"',
    'application/json;profile=x',
  ])('may be %s', async (type) => {
    expect((await register(typed(type))).status).toBe(201);
  });

  it.each([
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/merge-patch+json',
    'application/json; charset=latin1',
    'application/json, text/plain',
    '*/*',
    '',
  ])('may not be %j', async (type) => {
    expectProblem(await register(typed(type)), 415, 'unsupported-media-type');
  });

  it('must be given for bytes', async () => {
    const request = new Request('http://kith.test/auth/register', {
      method: 'POST',
      body: new TextEncoder().encode(ada),
    });
    expect((await (await openWorld()).http.fetch(request)).status).toBe(415);
  });

  it('may not be compressed', async () => {
    const answer = await register({ raw: ada, headers: { 'content-encoding': 'gzip' } });
    expectProblem(answer, 415, 'unsupported-media-type');
    expect(answer.headers.get('accept-encoding')).toBe('identity');
  });
});

describe('the size of a body', () => {
  const sized = (bytes: number) => ada.padEnd(bytes, ' ');
  const stream = (text: string) =>
    new ReadableStream({
      start(controller) {
        for (let from = 0; from < text.length; from += 8192) {
          controller.enqueue(new TextEncoder().encode(text.slice(from, from + 8192)));
        }
        controller.close();
      },
    });

  it('may be 64 KiB', async () => {
    expect((await register({ raw: sized(65_536) })).status).toBe(201);
  });

  it('may not be one byte more, with or without Content-Length, nor counted in characters', async () => {
    expectProblem(await register({ raw: sized(65_537) }), 413, 'body-too-large');
    expectProblem(await register({ raw: stream(sized(65_537)) }), 413, 'body-too-large');
    expectProblem(
      await register({ raw: 'x', headers: { 'content-length': '65537' } }),
      413,
      'body-too-large',
    );
    const wide = `{"email":"${'\u20ac'.repeat(22_000)}"}`;
    expectProblem(await register({ raw: wide }), 413, 'body-too-large');
  });

  it('is not read to the end of an endless body', async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    expectProblem(await register({ raw: endless }), 413, 'body-too-large');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pulled).toBeLessThan(40);
  });
});

describe('a body that is no JSON', () => {
  const bytes = (...values: number[]) => new Uint8Array(values);

  it.each([
    ['nothing', ''],
    ['half of it', '{"email":'],
    ['two values', '{}{}'],
    ['a comment', '{} // x'],
    ['NaN', '{"email":NaN}'],
    ['an unpaired quote', '{"email":"}'],
    ['bytes that are not UTF-8', bytes(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
    ['an overlong slash', bytes(0x22, 0xc0, 0xaf, 0x22)],
  ])('is refused: %s', async (_, raw) => {
    expectProblem(await register({ raw }), 400, 'malformed-json');
  });

  it('is refused without Content-Type too when it is empty', async () => {
    expectProblem(await (await openWorld()).send('POST', '/auth/login'), 400, 'malformed-json');
  });

  it('is refused when the sender hangs up', async () => {
    const broken = new ReadableStream({
      pull: (controller) => controller.error(new Error('reset')),
    });
    expectProblem(await register({ raw: broken }), 400, 'incomplete-body');
  });

  it('is refused when a member name comes twice, in whatever spelling', async () => {
    expectProblem(await register({ raw: '{"email":"a","email":"b"}' }), 400, 'malformed-json');
    expectProblem(await register({ raw: '{"email":"a","\\u0065mail":"b"}' }), 400, 'malformed-json');
    expectProblem(await register({ raw: '[{"a":[{"b":1,"c":{},"b":2}]}]' }), 400, 'malformed-json');
  });

  it('is not refused for the same name in two objects, or as a value', async () => {
    expectProblem(await register({ raw: '[{"a":1},{"a":"a","b":["a","a","b"]}]' }), 422, 'invalid-input');
  });
});

describe('the depth of a body', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  it('may be 20, but not 21, nor as deep as fits', async () => {
    expectProblem(await register({ raw: nested(20) }), 422, 'invalid-input');
    expectProblem(await register({ raw: nested(21) }), 400, 'malformed-json');
    expectProblem(await register({ raw: nested(32_768) }), 400, 'malformed-json');
    expectProblem(await register({ raw: '{"a":'.repeat(10_000) }), 400, 'malformed-json');
    expectProblem(await register({ raw: `{"email":"${'['.repeat(30)}"}` }), 422, 'invalid-input');
  });
});

describe('an unknown field', () => {
  const names = [
    'role',
    'is_active',
    'isActive',
    'id',
    'version',
    'is_verified',
    'password_hash',
    'token_version',
  ];
  const odd = ['__proto__', 'constructor', 'toString', 'avatarUrl', '', 'a/b', 'a~b', 'ä'];

  it.each([...names, ...odd])('%j is refused in a profile', async (name) => {
    const ada = await (await openWorld()).join('ada');
    const answer = await ada.send('PATCH', '/me', { raw: `{"name":"x",${JSON.stringify(name)}:"canary"}` });
    expectProblem(answer, 422, 'unknown-field');
    const pointer = encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
    expect(errorsOf(answer)).toEqual([`#/${pointer} unknown-field`]);
    expect(answer.text).not.toContain('canary');
    expect((await ada.send('GET', '/me')).json).toMatchObject({ name: null, role: 'user', version: 1 });
  });

  const rows = [
    'POST /auth/register',
    'POST /auth/login',
    'PATCH /me',
    'PUT /me/password',
    'POST /me/deactivate',
    'POST /contacts',
    'PATCH /contacts/x',
    'POST /admin/users/lookup',
    'PUT /admin/users/x/role',
  ];

  it.each(rows)('is refused at %s, together with what else is wrong', async (row) => {
    const [method = '', path = ''] = row.split(' ');
    const admin = await (await openWorld()).joinAsAdmin('ada');
    const answer = await admin.send(method, path, { raw: '{"__proto__":{"role":"admin"},"owner_id":1}' });
    expectProblem(answer, 422, 'unknown-field');
    expect(errorsOf(answer)).toEqual(
      expect.arrayContaining(['#/__proto__ unknown-field', '#/owner_id unknown-field']),
    );
  });

  it('is refused in a query, on every route', async () => {
    const ada = await (await openWorld()).join('ada');
    for (const path of ['/contacts?page=1', '/me?role=admin', '/health/live?x', '/contacts?__proto__=1']) {
      expectProblem(await ada.send('GET', path), 422, 'unknown-field');
    }
    expectProblem(await ada.send('GET', '/me?a=1&a=2'), 422, 'invalid-input');
  });

  it('has a bounded name, and there are not endlessly many', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}`.repeat(30), 1]));
    const answer = await register({ json: many });
    expectProblem(answer, 422, 'unknown-field');
    expect(errorsOf(answer).length).toBe(50);
    expect(answer.text.length).toBeLessThan(10_000);
  });
});

describe('a body that is not asked for', () => {
  it('is neither parsed nor a reason to refuse', async () => {
    const ada = await (await openWorld()).join('ada');
    const raw = '{'.repeat(100_000);
    expect((await ada.send('POST', '/me/sign-out-everywhere', { raw })).status).toBe(204);
  });

  it('that is no object is refused', async () => {
    for (const raw of ['null', '[]', '"x"', '1']) {
      const answer = await register({ raw });
      expectProblem(answer, 422, 'invalid-input');
      expect(errorsOf(answer)).toEqual(['# invalid-type']);
    }
  });
});

describe('text', () => {
  it('that is not well formed is refused, and never echoed', async () => {
    const ada = await (await openWorld()).join('ada');
    const answer = await ada.send('PATCH', '/me', { raw: '{"name":"\\ud800","bio":"a\\u0000b"}' });
    expect(errorsOf(answer)).toEqual(['#/name not-well-formed', '#/bio forbidden-character']);
    const name = await ada.send('PATCH', '/me', { raw: '{"\\ud800":1}' });
    expect(errorsOf(name)).toEqual(['#/%EF%BF%BD unknown-field']);
  });

  it('comes back in its normal form', async () => {
    const ada = await (await openWorld()).join('ada');
    const changed = await ada.send('PATCH', '/me', { json: { name: 'A\u030angstro\u0308m' } });
    expect(at(changed.json, 'name')).toBe('\u00c5ngstr\u00f6m');
  });
});
