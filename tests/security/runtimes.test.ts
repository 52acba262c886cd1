import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, statusOf } from '../http/raw.ts';
import { at } from '../http/world.ts';
import { type Server, startServer } from './server.ts';
import { aim, type Names, type Shot, shots } from './shots.ts';

/** `RAW_REQUESTS=20000 npm test -- tests/security/runtimes` is the long form. */
const requests = Number(process.env['RAW_REQUESTS'] ?? 150);
const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const shotsPerRound = 50;
const root = { email: 'root@example.com', password: 'a password of the root user' };
const password = 'another password of somebody';

/** Each has the database that it makes for itself: the requests are the same, so the answers must be. */
const environment = {
  LIMIT_LOGIN_PER_MINUTE: '0',
  LIMIT_REGISTER_PER_MINUTE: '0',
  BOOTSTRAP_ADMIN_EMAIL: root.email,
  BOOTSTRAP_ADMIN_PASSWORD: root.password,
};

const ask = async ({ url }: Server, method: string, path: string, body?: object, token?: string) => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json: unknown = response.status === 204 ? undefined : await response.json();
  return { status: response.status, json };
};

const settle = async (server: Server, round: number): Promise<Names> => {
  const session = await ask(server, 'POST', '/auth/login', {
    identifier: root.email,
    password: root.password,
  });
  const token = at(session.json, 'access_token');
  const join = async (name: string) =>
    (await ask(server, 'POST', '/auth/register', { email: `${name}@example.net`, username: name, password }))
      .json;
  const [member, chief] = [await join(`member${round}`), await join(`chief${round}`)];
  await ask(server, 'PUT', `/admin/users/${at(chief, 'user', 'id')}/role`, { role: 'admin' }, token);
  const memberToken = at(member, 'access_token');
  const contact = await ask(server, 'POST', '/contacts', { first_name: 'Bob' }, memberToken);
  return {
    id: at(member, 'user', 'id'),
    contact: at(contact.json, 'id'),
    token: memberToken,
    admin: at(chief, 'access_token'),
  };
};

const toBytes = ({ method, target, headers, body }: Shot): string => {
  const payload = body === undefined ? '' : Buffer.from(body, 'utf8').toString('latin1');
  const lines = headers.map(([name, value]) => `${name}: ${Buffer.from(value, 'utf8').toString('latin1')}`);
  if (body !== undefined) lines.push(`content-length: ${payload.length}`);
  return [`${method} ${target} HTTP/1.1`, 'host: kith.test', 'connection: close', ...lines, '', payload].join(
    '\r\n',
  );
};

const raw: readonly (readonly [string, string])[] = [
  ['no host', 'GET /health/live HTTP/1.1\r\n\r\n'],
  ['two hosts', 'GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a host with a path', 'GET /x HTTP/1.1\r\nHost: a/health/live?\r\n\r\n'],
  ['a host with a user', 'GET /health/live HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  ['a host with a port out of range', 'GET /health/live HTTP/1.1\r\nHost: a:99999\r\n\r\n'],
  ['an absolute target', 'GET http://a/health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an absolute target of another host', 'GET http://b/health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['dot segments', 'GET /docs/../health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['encoded dot segments', 'GET /docs/%2e%2E/health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a backslash', 'GET /health\\live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a NUL', 'GET /health/live%00 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a double slash', 'GET //health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a fragment', 'GET /health/live#x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
  ['TRACE', 'TRACE /me HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an unknown method', 'BREW /me HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a lower-case method', 'get /health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['HTTP/0.9', 'GET /health/live\r\n\r\n'],
  ['HTTP/1.0', 'GET /health/live HTTP/1.0\r\n\r\n'],
  ['HTTP/2.0', 'GET /health/live HTTP/2.0\r\nHost: a\r\n\r\n'],
  ['a header without a colon', 'GET /health/live HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
  ['a space before a colon', 'GET /health/live HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['a folded header', 'GET /health/live HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n'],
  ['a bare line feed', 'GET /health/live HTTP/1.1\nHost: a\n\n'],
  ['a NUL in a header', 'GET /health/live HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n'],
  ['headers of 20 KB', `GET /health/live HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['a target of 20 KB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['both lengths', post('Content-Length: 2\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
  ['two lengths', post('Content-Length: 2\r\nContent-Length: 3', '{}x')],
  ['a negative length', post('Content-Length: -1', '')],
  ['a length with a sign', post('Content-Length: +2', '{}')],
  ['a length that is a lie', post('Content-Length: 999999', '{}')],
  ['chunks of nonsense', post('Transfer-Encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n')],
  ['an unknown coding', post('Transfer-Encoding: gzip', '{}')],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n')],
  [
    'a header of two authorizations',
    'GET /me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n',
  ],
  ['nothing but a line', '\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
];

function post(header: string, body: string): string {
  return `POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${header}\r\n\r\n${body}`;
}

/** Where a delay of a few seconds decides between two refusals, the two servers may be on different sides of it. */
const isRefusedGuess = (status: number): boolean => [401, 403, 409, 422, 429].includes(status);

describe('Node and Deno, the latter with the least permissions', () => {
  let servers: readonly [Server, Server];
  beforeAll(async () => {
    servers = await Promise.all([startServer('node', environment), startServer('deno', environment)]);
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) expect(await server.stop()).toBe(0);
  }, 60_000);

  it.each(raw)('answer alike: %s', async (_, bytes) => {
    const [onNode, onDeno] = await Promise.all(
      servers.map(async ({ port }) => statusOf(await exchange(port, bytes, 1000))),
    );
    expect(onDeno).toBe(onNode);
    expect(onNode).toBeLessThan(500);
  });

  it(`answer ${requests} hostile requests alike, and go on`, async () => {
    let names: readonly Names[] = [];
    for (const [index, shot] of fc.sample(shots(), { numRuns: requests, seed }).entries()) {
      if (index % shotsPerRound === 0)
        names = await Promise.all(servers.map((server) => settle(server, index / shotsPerRound)));
      const [onNode = 0, onDeno = 0] = await Promise.all(
        servers.map(async ({ port }, at) => {
          const own = names[at];
          if (own === undefined) throw new Error('not settled');
          return statusOf(await exchange(port, toBytes(aim(shot, own)), 5000));
        }),
      );
      const context = `seed ${seed}, shot ${index}: ${JSON.stringify(shot).slice(0, 600)}`;
      if (!(isRefusedGuess(onNode) && isRefusedGuess(onDeno))) expect(onDeno, context).toBe(onNode);
      expect(onNode, context).toBeGreaterThanOrEqual(200);
      expect(onNode, context).toBeLessThan(500);
    }
    for (const server of servers) expect((await ask(server, 'GET', '/health/live')).status).toBe(200);
  }, 600_000);

  it('print nothing of a crash, a denied permission or a secret', () => {
    for (const server of servers) {
      expect(server.output()).not.toMatch(/http\.unexpected|crashed|NotCapable|Uncaught|internal-error/);
      for (const secret of [root.password, password, 'correct horse battery staple', '$argon2', 'eyJ'])
        expect(server.output()).not.toContain(secret);
    }
  });
});
