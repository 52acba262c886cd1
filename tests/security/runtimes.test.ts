import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, statusOf } from '../adapters/http/raw.ts';
import { lockstep, root, startTwins } from './lockstep.ts';
import { type Server, startServer } from './server.ts';

/** Each has the database that it makes for itself: the requests are the same, so the answers must be. */
const environment = {
  LIMIT_LOGIN_PER_MINUTE: '0',
  LIMIT_REGISTER_PER_MINUTE: '0',
  BOOTSTRAP_ADMIN_EMAIL: root.email,
  BOOTSTRAP_ADMIN_PASSWORD: root.password,
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

  it('print nothing of a crash, a denied permission or a secret', () => {
    for (const server of servers) {
      expect(server.output()).not.toMatch(/http\.unexpected|crashed|NotCapable|Uncaught|internal-error/);
      for (const secret of ['horse battery', '$argon2', 'eyJ']) expect(server.output()).not.toContain(secret);
    }
  });
});

/** The long form is tests/security/tools/fuzz.ts. */
it('to 2,000 hostile requests of every kind, Node and Deno give the same answers, headers and bodies included', async () => {
  const twins = await startTwins();
  try {
    const { flaws, statuses, operations } = await lockstep(twins, { count: 2000, seed: 20261122 });
    expect(flaws).toEqual([]);
    // It is no fuzzing if nothing gets past the door: the shots reach what lies behind it, and are refused in every way.
    expect(operations.size).toBeGreaterThanOrEqual(15);
    for (const status of [200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 413, 415, 417, 422])
      expect(statuses.get(status) ?? 0, `${status} among ${JSON.stringify([...statuses])}`).toBeGreaterThan(
        0,
      );
  } finally {
    for (const server of twins) expect(await server.stop()).toBe(0);
  }
}, 120_000);
