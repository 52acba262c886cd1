import { describe, expect, it } from 'vitest';
import { publicRoutes } from '../../../adapters/http/routes/routes.ts';
import type { Freshness, Read, Source } from '../../../application/read.ts';
import { ok, type Result } from '../../../domain/result.ts';
import { at, expectProblem, type Member, openWorld, password } from './world.ts';

/** The user, a profile and a contact, each at version 2. */
const open = async () => {
  const world = await openWorld();
  const ada = await world.joinAsAdmin('ada');
  await ada.send('PATCH', '/me', { json: { name: 'Ada' } });
  const { json } = await ada.send('POST', '/contacts', { json: { first_name: 'Grace' } });
  const contact = `/contacts/${at(json, 'id')}`;
  await ada.send('PATCH', contact, { json: { notes: 'x' } });
  return { world, ada, contact, profile: `/users/${ada.id}` };
};
const version = async (member: Member, path: string) => (await member.send('GET', path)).headers.get('etag');

/** The tag of another version of the same. */
const tagAt = (n: number | string, tag: string): string => tag.replace(/-\d+"$/, `-${n}"`);

describe('If-None-Match', () => {
  const matching = (tag: string) => [
    tag,
    `W/${tag}`,
    '*',
    `"x", ${tag}`,
    `"x,y",${tag}`,
    `"x" , W/${tag} ,"y"`,
    ` ${tag} `,
  ];
  const others: readonly (readonly [string, (tag: string) => string])[] = [
    ['an earlier version', (tag) => tagAt(1, tag)],
    ['an earlier version, weakly', (tag) => `W/${tagAt(1, tag)}`],
    ['several others', (tag) => `${tagAt(1, tag)}, ${tagAt(3, tag)}`],
    ['the version, otherwise written', (tag) => tagAt('02', tag)],
    ['the version without the id', () => '"2"'],
    ['the id without a version', (tag) => tag.replace(/-\d+"$/, '"')],
    ['the id in upper case', (tag) => tag.toUpperCase()],
    // Apache puts it behind the tag of what it compresses, and does not take it off again (rails/rails#19056).
    ['the version, as it is compressed', (tag) => tag.replace(/"$/, '-gzip"')],
    ['half a tag', (tag) => tag.slice(0, -1)],
    ['no tag', (tag) => tag.slice(1, -1)],
    ['a tag that is not ours', () => '"x"'],
    ['an empty tag', () => '""'],
    ['a tag with commas in it', (tag) => `"x,${tag.slice(1, -1)},y"`],
    ['nothing', () => ''],
    ['a comma', () => ','],
  ];

  it('that names the version is answered 304, without content but with ETag and Cache-Status', async () => {
    const { ada, contact, profile } = await open();
    for (const path of ['/me', contact, profile, '/users/by-username/ada']) {
      const tag = (await version(ada, path)) ?? '';
      for (const header of matching(tag)) {
        const answer = await ada.send('GET', path, { headers: { 'if-none-match': header } });
        expect([answer.status, answer.headers.get('etag')]).toEqual([304, tag]);
        expect(answer.headers.get('cache-status')).toMatch(/^kith; /);
        expect(answer.headers.has('content-type')).toBe(false);
      }
    }
  });

  it.each(others)('that names %s is answered 200', async (_what, header) => {
    const { ada, contact } = await open();
    const headers = { 'if-none-match': header((await version(ada, contact)) ?? '') };
    expect((await ada.send('GET', contact, { headers })).status).toBe(200);
  });

  it('does not hide a missing token or resource', async () => {
    const { world, ada } = await open();
    const headers = { 'if-none-match': '*' };
    expectProblem(await world.send('GET', '/me', { headers }), 401, 'unauthenticated');
    expectProblem(await ada.send('GET', '/contacts/x', { headers }), 404, 'contact-not-found');
  });
});

const writes = ({ contact, ada }: Awaited<ReturnType<typeof open>>) => [
  { method: 'PATCH', path: '/me', of: '/me', json: { bio: 'new' } },
  { method: 'PATCH', path: contact, of: contact, json: { notes: 'new' } },
  { method: 'DELETE', path: contact, of: contact, json: undefined },
  { method: 'PUT', path: `/admin/users/${ada.id}/role`, of: '/me', json: { role: 'admin' } },
  {
    method: 'PUT',
    path: '/me/password',
    of: '/me',
    json: { current_password: password, new_password: 'another horse battery' },
  },
];
const count = 5;
const eachWrite = Array.from({ length: count }, (_, index) => index);

/** The world before a write, and the write with some headers. */
const openWrite = async (index: number) => {
  const opened = await open();
  const write = writes(opened)[index];
  if (write === undefined) throw new Error('no such write');
  const { method, path, json, of } = write;
  const now = () => version(opened.ada, of);
  const tag = (await now()) ?? '';
  return {
    tag,
    now,
    send: (headers: Record<string, string>) => opened.ada.send(method, path, { json, headers }),
  };
};

describe('a tag', () => {
  it('is of one user alone: of another it is no version of /me', async () => {
    const world = await openWorld();
    const [ada, bob] = [await world.join('ada'), await world.join('bob')];
    const [ofAda, ofBob] = [(await version(ada, '/me')) ?? '', (await version(bob, '/me')) ?? ''];
    expect(ofAda).not.toBe(ofBob);
    expect((await bob.send('GET', '/me', { headers: { 'if-none-match': ofAda } })).status).toBe(200);
    expect((await bob.send('GET', '/me', { headers: { 'if-none-match': ofBob } })).status).toBe(304);
    for (const header of [ofAda, `${ofAda}, ${tagAt(9, ofAda)}`]) {
      const changed = await bob.send('PATCH', '/me', { json: { bio: 'x' }, headers: { 'if-match': header } });
      expectProblem(changed, 412, 'version-conflict');
    }
    expect(await version(bob, '/me')).toBe(ofBob);
  });

  it('is of one user alone, also where a username went from one to another', async () => {
    const world = await openWorld();
    const [ada, bob] = [await world.join('ada'), await world.join('bob')];
    const path = '/users/by-username/ada';
    await ada.send('PATCH', '/me', { json: { bio: 'x' } });
    const ofAda = (await version(bob, path)) ?? '';
    await ada.send('PATCH', '/me', { json: { username: 'augusta' } });
    await bob.send('PATCH', '/me', { json: { username: 'ada' } });
    const answer = await bob.send('GET', path, { headers: { 'if-none-match': ofAda } });
    expect([answer.status, answer.json]).toEqual([200, expect.objectContaining({ id: bob.id, version: 2 })]);
  });

  it('is of one contact alone', async () => {
    const { ada, contact } = await open();
    const { json, headers } = await ada.send('POST', '/contacts', { json: { first_name: 'Charles' } });
    const another = `/contacts/${at(json, 'id')}`;
    await ada.send('PATCH', another, { json: { notes: 'x' } });
    const ofAnother = tagAt(2, headers.get('etag') ?? '');
    expect(await version(ada, another)).toBe(ofAnother);
    const stopped = await ada.send('DELETE', contact, { headers: { 'if-match': ofAnother } });
    expectProblem(stopped, 412, 'version-conflict');
  });

  it('does not depend on how the id is written in the path', async () => {
    const { ada, contact } = await open();
    const path = contact.replace(/[^/]+$/, (id) => id.toUpperCase());
    const tag = (await version(ada, path)) ?? '';
    expect(tag).toBe(await version(ada, contact));
    const changed = await ada.send('PATCH', path, { json: { notes: 'y' }, headers: { 'if-match': tag } });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, tagAt(3, tag)]);
  });
});

describe('If-None-Match of a write', () => {
  it.each(eachWrite)('that names what is there stops write %i', async (index) => {
    const { tag, now, send } = await openWrite(index);
    for (const header of ['*', tag, `W/${tag}`, `${tagAt(1, tag)}, W/${tag}`, '', 'nonsense'])
      expectProblem(await send({ 'if-none-match': header }), 412, 'version-conflict');
    expectProblem(await send({ 'if-match': tag, 'if-none-match': tag }), 412, 'version-conflict');
    expectProblem(await send({ 'if-match': '*', 'if-none-match': tag }), 412, 'version-conflict');
    expect(await now()).toBe(tag);
  });

  it.each(eachWrite)('that names something else lets write %i through', async (index) => {
    for (const header of [
      (tag: string) => tagAt(1, tag),
      (tag: string) => `"x", ${tagAt(9, tag)}`,
      () => '"x,y"',
    ]) {
      const { tag, send } = await openWrite(index);
      expect((await send({ 'if-none-match': header(tag) })).status).toBeLessThan(300);
    }
  });

  it('and If-Match are both asked', async () => {
    const { tag, send } = await openWrite(0);
    const earlier = tagAt(1, tag);
    expectProblem(
      await send({ 'if-match': earlier, 'if-none-match': tagAt(7, tag) }),
      412,
      'version-conflict',
    );
    expect((await send({ 'if-match': tag, 'if-none-match': earlier })).status).toBe(200);
  });

  it('is looked at after the resource and the input', async () => {
    const { ada, contact } = await open();
    const headers = { 'if-none-match': '*' };
    expectProblem(await ada.send('DELETE', '/contacts/x', { headers }), 404, 'contact-not-found');
    const unknown = contact.replace(/[^-]+$/, '000000000000');
    expectProblem(await ada.send('DELETE', unknown, { headers }), 404, 'contact-not-found');
    expectProblem(
      await ada.send('PUT', '/admin/users/x/role', { headers, json: { role: 'user' } }),
      404,
      'user-not-found',
    );
    expectProblem(await ada.send('PATCH', contact, { headers, json: {} }), 422, 'invalid-input');
  });
});

describe('If-Match', () => {
  it('is tried on every route that has it', () => {
    const has = publicRoutes.filter(({ problems }) => problems.includes('version-conflict'));
    expect(has.length).toBe(count);
  });

  it.each(eachWrite)('that names another version stops write %i', async (index) => {
    const { tag, now, send } = await openWrite(index);
    for (const header of [
      tagAt(1, tag),
      `W/${tag}`,
      `${tagAt(1, tag)}, ${tagAt(99, tag)}`,
      '',
      'nonsense',
      '"2"',
      tag.slice(1, -1),
      `"0${tag.slice(1)}`,
      tagAt('02', tag),
      tagAt('-1', tag),
      tagAt('1e1', tag),
    ])
      expectProblem(await send({ 'if-match': header }), 412, 'version-conflict');
    expect(await now()).toBe(tag);
  });

  it.each(eachWrite)('that names the version lets write %i through', async (index) => {
    const forms = [
      (tag: string) => tag,
      (tag: string) => `${tagAt(1, tag)}, ${tag}, ${tagAt(99, tag)}`,
      () => '*',
    ];
    for (const header of forms) {
      const { tag, send } = await openWrite(index);
      expect((await send({ 'if-match': header(tag) })).status).toBeLessThan(300);
    }
  });

  it('that is weak, or of a compressed form, is told why it never matches', async () => {
    const { tag, send } = await openWrite(0);
    for (const header of [`W/${tag}`, tag.replace(/"$/, '-gzip"')]) {
      const answer = await send({ 'if-match': header });
      expectProblem(answer, 412, 'version-conflict');
      expect(at(answer.json, 'detail')).toMatch(/weak tag .* never matches.*compress.*-gzip/);
    }
  });

  it('with a list cannot lose an update that comes between the look and the write', async () => {
    const world = await openWorld((real) => ({
      changeProfile: async (id, input, expected) => {
        await real.changeProfile(id, { name: 'Quicker' });
        return real.changeProfile(id, input, expected);
      },
    }));
    const ada = await world.join('ada');
    const tag = (await version(ada, '/me')) ?? '';
    const answer = await ada.send('PATCH', '/me', {
      json: { name: 'Slower' },
      headers: { 'if-match': `${tag}, ${tagAt(7, tag)}` },
    });
    expectProblem(answer, 412, 'version-conflict');
    expect((await ada.send('GET', '/me')).json).toMatchObject({ name: 'Quicker' });
  });

  it('is looked at after the resource and the input', async () => {
    const { ada, contact } = await open();
    const headers = { 'if-match': '"1"' };
    expectProblem(await ada.send('DELETE', '/contacts/x', { headers }), 404, 'contact-not-found');
    expectProblem(await ada.send('PATCH', contact, { headers, json: {} }), 422, 'invalid-input');
  });
});

describe('Cache-Status', () => {
  const expected: Readonly<Record<Source, string>> = {
    memory: 'kith; hit; detail=memory',
    redis: 'kith; hit; detail=redis',
    stored: 'kith; fwd=miss; stored',
    miss: 'kith; fwd=miss',
    bypass: 'kith; fwd=bypass',
  };
  const sources: readonly Source[] = ['memory', 'redis', 'stored', 'miss', 'bypass'];

  it.each(sources)('says where an answer from %s came from', async (source) => {
    const from = async <T, F>(read: Promise<Result<Read<T>, F>>) => {
      const result = await read;
      return result.ok ? ok({ value: result.value.value, source }) : result;
    };
    const world = await openWorld((real) => ({
      authenticate: (...asked) => from(real.authenticate(...asked)),
      getProfile: (...asked) => from(real.getProfile(...asked)),
      getContact: (...asked) => from(real.getContact(...asked)),
      listContacts: (...asked) => from(real.listContacts(...asked)),
    }));
    const ada = await world.join('ada');
    const { json } = await ada.send('POST', '/contacts', { json: { first_name: 'Grace' } });
    for (const path of [
      '/me',
      `/users/${ada.id}`,
      '/users/by-username/ada',
      `/contacts/${at(json, 'id')}`,
      '/contacts',
    ]) {
      expect((await ada.send('GET', path)).headers.get('cache-status')).toBe(expected[source]);
    }
  });

  it('tells the story of a cached read: stored, hit, bypassed on request, and stored again after a write', async () => {
    const { ada, contact, profile } = await open();
    const source = async (path: string, headers = {}) =>
      (await ada.send('GET', path, { headers })).headers.get('cache-status');
    for (const path of [contact, '/contacts', '/me']) {
      const paths: readonly string[] = [await source(path), await source(path)].map(String);
      expect(paths[1]).toBe('kith; hit; detail=memory');
      expect(await source(path, { 'cache-control': 'no-cache' })).toBe('kith; fwd=bypass');
      const write = path === '/me' ? '/me' : contact;
      await ada.send('PATCH', write, { json: write === '/me' ? { bio: 'y' } : { notes: 'y' } });
      // For /me the authentication is the read.
      expect([await source(path), await source(path)]).toEqual([
        'kith; fwd=miss; stored',
        'kith; hit; detail=memory',
      ]);
    }
    expect(await source(profile)).toBe('kith; fwd=miss; stored');
    expect(await source(`${profile}`)).toBe('kith; hit; detail=memory');
    expect(await source('/contacts?q=Grace')).toBe('kith; fwd=bypass');
  });

  it('is not on answers that have nothing to do with the cache', async () => {
    const { world, ada } = await open();
    for (const answer of [
      await world.send('GET', '/health/live'),
      await ada.send('PATCH', '/me', { json: { bio: 'x' } }),
    ]) {
      expect(answer.headers.has('cache-status')).toBe(false);
    }
  });
});

describe('Cache-Control: no-cache', () => {
  const recording = async () => {
    const asked: (readonly [string, Freshness | undefined])[] = [];
    const world = await openWorld((real) => ({
      authenticate: (token, freshness) => {
        asked.push(['authenticate', freshness]);
        return real.authenticate(token, freshness);
      },
      getProfile: (key, freshness) => {
        asked.push(['getProfile', freshness]);
        return real.getProfile(key, freshness);
      },
      lookUpUsers: (input, freshness) => {
        asked.push(['lookUpUsers', freshness]);
        return real.lookUpUsers(input, freshness);
      },
    }));
    return { world, asked };
  };

  it.each(['no-cache', 'No-Cache', 'max-age=0, no-cache', 'no-store,no-cache'])(
    'reads the primary database, once: %s',
    async (control) => {
      const { world, asked } = await recording();
      const ada = await world.joinAsAdmin('ada');
      const headers = { 'cache-control': control };
      const me = await ada.send('GET', '/me', { headers });
      expect(me.headers.get('cache-status')).toBe('kith; fwd=bypass');
      expect(asked).toEqual([['authenticate', 'authoritative']]);
      asked.length = 0;
      const profile = await ada.send('GET', `/users/${ada.id}`, { headers });
      expect(profile.headers.get('cache-status')).toBe('kith; fwd=bypass');
      await ada.send('POST', '/admin/users/lookup', { headers, json: {} });
      expect(asked).toEqual([
        ['authenticate', 'bounded'],
        ['getProfile', 'authoritative'],
        ['authenticate', 'bounded'],
        ['lookUpUsers', 'authoritative'],
      ]);
    },
  );

  it.each(['max-age=0', 'no-cachex', 'x-no-cache', 'no-store', ''])('is not %j', async (control) => {
    const { world, asked } = await recording();
    const ada = await world.join('ada');
    await ada.send('GET', '/me', { headers: { 'cache-control': control } });
    expect(asked).toEqual([['authenticate', 'bounded']]);
  });
});
