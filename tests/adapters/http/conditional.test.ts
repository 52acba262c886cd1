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

describe('If-None-Match', () => {
  const matching = (tag: string) => [tag, `W/${tag}`, '*', `"x", ${tag}`, `"x" , W/${tag} ,"y"`, ` ${tag} `];
  const others = ['"1"', '"02"', '"2', '2', 'W/"1"', '""', '"x"', '', ',', '"1", "3"'];

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

  it.each(others)('that names another is answered 200: %j', async (header) => {
    const { ada, contact } = await open();
    expect((await ada.send('GET', contact, { headers: { 'if-none-match': header } })).status).toBe(200);
  });

  it('does not hide a missing token or resource', async () => {
    const { world, ada } = await open();
    const headers = { 'if-none-match': '*' };
    expectProblem(await world.send('GET', '/me', { headers }), 401, 'unauthenticated');
    expectProblem(await ada.send('GET', '/contacts/x', { headers }), 404, 'contact-not-found');
  });
});

describe('If-Match', () => {
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

  it('is tried on every route that has it', () => {
    const has = publicRoutes.filter(({ problems }) => problems.includes('version-conflict'));
    expect(has.length).toBe(count);
  });

  it.each(Array.from({ length: count }, (_, index) => index))(
    'that names another version stops write %i',
    async (index) => {
      const opened = await open();
      const { ada } = opened;
      const write = writes(opened)[index];
      if (write === undefined) throw new Error('no such write');
      const before = await version(ada, write.of);
      const tag = before ?? '';
      for (const header of [
        '"1"',
        `W/${tag}`,
        '"1", "99"',
        '',
        'nonsense',
        tag.slice(1, -1),
        `"0${tag.slice(1)}`,
        '"-1"',
        '"1e1"',
      ]) {
        const answer = await ada.send(write.method, write.path, {
          json: write.json,
          headers: { 'if-match': header },
        });
        expectProblem(answer, 412, 'version-conflict');
      }
      expect(await version(ada, write.of)).toBe(before);
    },
  );

  it.each(Array.from({ length: count }, (_, index) => index))(
    'that names the version lets write %i through',
    async (index) => {
      for (const form of ['exact', 'list', 'any']) {
        const opened = await open();
        const write = writes(opened)[index];
        if (write === undefined) throw new Error('no such write');
        const tag = (await version(opened.ada, write.of)) ?? '';
        const header = form === 'exact' ? tag : form === 'list' ? `"1", ${tag}, "99"` : '*';
        const answer = await opened.ada.send(write.method, write.path, {
          json: write.json,
          headers: { 'if-match': header },
        });
        expect(answer.status).toBeLessThan(300);
      }
    },
  );

  it('with a list cannot lose an update that comes between the look and the write', async () => {
    const world = await openWorld((real) => ({
      changeProfile: async (id, input, expected) => {
        await real.changeProfile(id, { name: 'Quicker' });
        return real.changeProfile(id, input, expected);
      },
    }));
    const ada = await world.join('ada');
    const answer = await ada.send('PATCH', '/me', {
      json: { name: 'Slower' },
      headers: { 'if-match': '"1", "7"' },
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
