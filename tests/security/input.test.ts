import { describe, expect, it } from 'vitest';
import { createHttp } from '../../adapters/http/http.ts';
import { publicRoutes } from '../../adapters/http/routes/routes.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { parseIdentifier, parseUsername, parseUsernameKey } from '../../domain/identifiers.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { codeOf, join, openHouse, password } from './support.ts';

/** A database that says what it was asked. */
const watchedDatabase = (): { readonly database: Database; readonly asked: string[] } => {
  const asked: string[] = [];
  const watch = <T extends object>(part: T, name: string): T =>
    new Proxy(part, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          asked.push(`${name}.${String(property)}`);
          return Reflect.apply(value, target, args);
        };
      },
    });
  const database = memoryDatabase();
  return {
    asked,
    database: {
      ...database,
      users: watch(database.users, 'users'),
      contacts: watch(database.contacts, 'contacts'),
      transactions: watch(database.transactions, 'transactions'),
      attempts: watch(database.attempts, 'attempts'),
    },
  };
};

const open = async () => {
  const { database, asked } = watchedDatabase();
  const house = await openHouse({ database });
  const http = createHttp(house.useCases, { log: silentLog, ids: systemIds });
  await join(house.useCases, 'ada');
  const session = await house.useCases.logIn({ identifier: 'ada', password });
  if (!session.ok) throw new Error(session.error.code);
  const issued = await http.fetch(
    request('POST', '/auth/login', JSON.stringify({ identifier: 'ada', password })),
  );
  const token = /"access_token":"([^"]+)"/.exec(await issued.text())?.[1] ?? '';
  await http.fetch(request('GET', '/me', undefined, token));
  asked.length = 0;
  const send = async (method: string, path: string, body?: unknown) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await http.fetch(request(method, path, text, token));
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { ...house, http, token, asked, send };
};

const request = (method: string, path: string, body?: string, token?: string): Request =>
  new Request(`http://kith.test${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body }),
  });

const contact = (fields: object) => ({ first_name: 'Bob', ...fields });
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('what is no input is refused before any SQL is run', () => {
  it.each<readonly [what: string, method: string, path: string, body: unknown, status: number]>([
    ['an operator for an identifier', 'POST', '/auth/login', { identifier: { $ne: null }, password }, 422],
    ['an operator for a password', 'POST', '/auth/login', { identifier: 'ada', password: { $gt: '' } }, 422],
    ['a list for an identifier', 'POST', '/auth/login', { identifier: ['ada'], password }, 422],
    ['a number for a name', 'POST', '/contacts', { first_name: 7 }, 422],
    ['__proto__', 'POST', '/contacts', '{"first_name":"Bob","__proto__":{"role":"admin"}}', 422],
    ['constructor', 'PATCH', '/me', '{"constructor":{"prototype":{"role":"admin"}}}', 422],
    ['a role', 'PATCH', '/me', { role: 'admin' }, 422],
    ['an id', 'PATCH', '/me', { id: '01900000-0000-7000-8000-000000000000' }, 422],
    ['an owner', 'POST', '/contacts', contact({ user_id: '01900000-0000-7000-8000-000000000000' }), 422],
    ['a name twice', 'POST', '/contacts', '{"first_name":"a","first_name":"b"}', 400],
    ['depth', 'POST', '/contacts', nested(21), 400],
    ['great depth', 'POST', '/contacts', nested(30_000), 400],
    ['size', 'POST', '/contacts', JSON.stringify(contact({ notes: 'x'.repeat(70_000) })), 413],
    ['a lone surrogate', 'POST', '/contacts', '{"first_name":"\\ud800"}', 422],
    ['a NUL', 'POST', '/contacts', '{"first_name":"a\\u0000b"}', 422],
    ['a control character', 'POST', '/contacts', contact({ notes: 'a\u0007b' }), 422],
    ['an escape sequence', 'POST', '/contacts', contact({ notes: '\u001b[2J' }), 422],
    ['a right-to-left override', 'POST', '/contacts', contact({ last_name: 'a\u202eb' }), 422],
    ['a zero-width space', 'POST', '/contacts', contact({ last_name: 'a\u200bb' }), 422],
    ['a name that nobody sees', 'POST', '/contacts', contact({ last_name: '\u{e0041}\u3164' }), 422],
    ['a line break in a name', 'POST', '/contacts', contact({ last_name: 'a\nb' }), 422],
    ['a line break in a name of a header', 'POST', '/contacts', contact({ email: 'a@b.c\r\nx: y' }), 422],
    ['a script for an address', 'PATCH', '/me', { avatar_url: 'javascript:alert(1)' }, 422],
    ['a host for an address', 'PATCH', '/me', { avatar_url: 'http://169.254.169.254/' }, 422],
    ['a date that is none', 'POST', '/contacts', contact({ birthday: '2026-02-30' }), 422],
    ['a parameter twice', 'GET', '/contacts?limit=1&limit=2', undefined, 422],
    ['a parameter that is a list', 'GET', '/contacts?limit[]=1', undefined, 422],
    ['a limit in SQL', 'GET', `/contacts?limit=${encodeURIComponent('1;drop table users')}`, undefined, 422],
    ['a skip beyond all', 'GET', '/contacts?skip=99999999999', undefined, 422],
    ['an id in SQL', 'GET', `/contacts/${encodeURIComponent("' or '1'='1")}`, undefined, 404],
    ['an id that is no UUID', 'DELETE', '/contacts/1', undefined, 404],
    ['an id with a NUL', 'GET', '/users/%00', undefined, 400],
  ])('%s', async (what, method, path, body, status) => {
    const { send, asked } = await open();
    const answer = await send(method, path, body);
    // `new Request` resolves what a raw target keeps; tests/security/runtimes.test.ts sends those over a socket.
    expect(what === 'an id with a NUL' ? [400, 404] : [status]).toContain(answer.status);
    expect(asked).toEqual([]);
    expect(Reflect.get({}, 'role')).toBeUndefined();
  });

  it('is no user for a homoglyph, and no name that folds into a reserved one', () => {
    for (const name of [
      'аdmin',
      'pаypal',
      'adмin',
      'admın',
      'ɑda',
      'ada\u0301',
      '𝖆𝖉𝖒𝖎𝖓',
      'Ⓡⓞⓞⓣ',
      'a\u0131a',
    ]) {
      expect(parseUsername(name), name).toMatchObject({ ok: false });
    }
    for (const name of [
      'ADMIN',
      ' Admin ',
      'ａｄｍｉｎ',
      'admin.',
      'support_-',
      'abuse',
      'noreply',
      'robots.txt',
    ]) {
      expect(parseUsername(name), name).toMatchObject({ ok: false, error: { code: 'reserved' } });
    }
    expect(parseUsernameKey('ＡＤａａ')).toMatchObject({ ok: true, value: 'adaa' });
  });

  it('is one form of an identifier for the index, the cache and the limiter', async () => {
    const { useCases } = await open();
    for (const spelling of ['ADA@EXAMPLE.COM', ' ada@example.com ', 'ａda@example.com', 'Ada@Example.Com']) {
      const taken = await useCases.register({ email: spelling, username: 'another', password });
      expect(codeOf(taken), spelling).toBe('email-taken');
      expect(codeOf(await useCases.logIn({ identifier: spelling, password }))).toBe('ok');
    }
    expect(parseIdentifier('ｆｆ@example.com')).toEqual(parseIdentifier('FF@example.com'));
  });
});

describe('another’s things', () => {
  it('are not there, and the answer is the one for what never was', async () => {
    const { useCases, http, send } = await open();
    await join(useCases, 'eve');
    const eve = await http.fetch(
      request('POST', '/auth/login', JSON.stringify({ identifier: 'eve', password })),
    );
    const eveToken = /"access_token":"([^"]+)"/.exec(await eve.text())?.[1] ?? '';
    const mine = /"id":"([^"]+)"/.exec((await send('POST', '/contacts', contact({}))).text)?.[1] ?? '';
    expect((await send('GET', `/contacts/${mine}`)).status).toBe(200);
    const never = '01900000-0000-7000-8000-000000000000';
    for (const [method, body] of [['GET'], ['PATCH', '{"notes":"x"}'], ['DELETE']] as const) {
      const texts = new Set<string>();
      for (const id of [mine, never]) {
        const answer = await http.fetch(request(method, `/contacts/${id}`, body, eveToken));
        expect(answer.status).toBe(404);
        texts.add((await answer.text()).replace(/"instance":"[^"]+"/, ''));
      }
      expect(texts.size).toBe(1);
    }
    const list = await http.fetch(request('GET', '/contacts?q=Bob', undefined, eveToken));
    expect(await list.text()).toContain('"total":0');
    expect((await send('GET', `/contacts/${mine}`)).status).toBe(200);
  });

  it('are for administrators only where a route says so', async () => {
    const { send } = await open();
    const admin = publicRoutes.filter(({ path }) => path.startsWith('/admin'));
    expect(admin.length).toBeGreaterThan(4);
    for (const { method, path, access } of admin) {
      expect(access).toBe('admin');
      const answer = await send(method, path.replace('{id}', '01900000-0000-7000-8000-000000000000'));
      expect(answer.status, path).toBe(403);
    }
  });
});

describe('every response', () => {
  it('of every route, to whomever, has the headers that protect and none that tell', async () => {
    const { send, http } = await open();
    const answers = await Promise.all(
      publicRoutes.flatMap(({ method, path }) => {
        const at = path.replace(/\{\w+\}/, 'x');
        return [
          send(method, at),
          send('BREW', at),
          http.fetch(request(method, at)).then(({ status, headers }) => ({ status, headers })),
          http.fetch(request('OPTIONS', at)).then(({ status, headers }) => ({ status, headers })),
        ];
      }),
    );
    for (const { headers } of answers) {
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('private, no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-request-id')).not.toBeNull();
      for (const name of ['set-cookie', 'server', 'x-powered-by', 'access-control-allow-origin', 'vary'])
        expect(headers.get(name), name).toBeNull();
      if (headers.get('content-type')?.startsWith('text/html'))
        expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
    expect(new Set(answers.map(({ status }) => status)).size).toBeGreaterThan(3);
  });

  it('names an origin only if it was configured, never with credentials', async () => {
    const { useCases } = await open();
    const http = createHttp(useCases, {
      log: silentLog,
      ids: systemIds,
      corsOrigins: ['https://app.example'],
    });
    const from = async (origin: string) => {
      const asked = request('GET', '/health/live');
      asked.headers.set('origin', origin);
      return (await http.fetch(asked)).headers;
    };
    expect((await from('https://app.example')).get('access-control-allow-origin')).toBe(
      'https://app.example',
    );
    for (const origin of [
      'https://app.example.evil.com',
      'http://app.example',
      'null',
      'https://xapp.example',
    ]) {
      expect((await from(origin)).get('access-control-allow-origin')).toBeNull();
    }
    expect((await from('https://app.example')).get('access-control-allow-credentials')).toBeNull();
  });
});
