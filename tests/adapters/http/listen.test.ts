import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { toResponse } from '../../../adapters/http/answer/reply.ts';
import { type Listener, listen, toNodeHandler } from '../../../adapters/http/listen.ts';
import type { Application } from '../../../application/application.ts';
import { codeOf, dial, exchange, statusOf } from './raw.ts';
import { at, openWorld, password, readAnswer } from './world.ts';

const open: Listener[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

const start = async (overrides: Partial<Application> = {}) => {
  const world = await openWorld(overrides);
  const listener = await listen(world.http.fetch, { host: '127.0.0.1', port: 0 });
  open.push(listener);
  return { world, ...listener };
};

const get = (path: string, ...headers: readonly string[]) =>
  `GET ${path} HTTP/1.1\r\n${['Host: kith.test', ...headers].join('\r\n')}\r\n\r\n`;

describe('over a real socket', () => {
  it('a user registers, logs in, is served, and keeps contacts', async () => {
    const { url } = await start();
    const send = async (
      method: string,
      path: string,
      json?: object,
      token = '',
      more: Record<string, string> = {},
    ) =>
      readAnswer(
        method,
        path,
        await fetch(`${url}${path}`, {
          method,
          headers: {
            ...more,
            ...(json === undefined ? {} : { 'content-type': 'application/json' }),
            ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          },
          ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        }),
      );
    const ada = { email: 'ada@example.com', username: 'ada', password, name: 'Ada \u2764' };
    expect((await send('POST', '/auth/register', ada)).status).toBe(201);
    const session = await send('POST', '/auth/login', { identifier: 'ada', password });
    const token = at(session.json, 'access_token');
    const me = await send('GET', '/me', undefined, token);
    expect(at(me.json, 'name')).toBe('Ada \u2764');
    const tag = (await send('HEAD', '/me', undefined, token)).headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[\da-f-]{36}-1"$/);
    expect((await send('GET', '/me', undefined, token, { 'if-none-match': tag })).status).toBe(304);
    const added = await send('POST', '/contacts', { first_name: 'Grace' }, token);
    expect(added.headers.get('location')).toBe(`/contacts/${at(added.json, 'id')}`);
    expect((await send('DELETE', `/contacts/${at(added.json, 'id')}`, undefined, token)).status).toBe(204);
    expect((await send('GET', '/docs')).status).toBe(200);
    expect((await send('PUT', '/me', {}, token)).status).toBe(405);
    expect((await send('GET', '/nowhere')).status).toBe(404);
  });

  it('a body that is too large is refused, the connection goes on or ends, and the server lives', async () => {
    const { url, port } = await start();
    for (const body of ['x'.repeat(70_000), 'x'.repeat(5_000_000)]) {
      const response = await fetch(`${url}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect((await readAnswer('POST', '/auth/login', response)).status).toBe(413);
    }
    const head = 'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
    const chunks = `2000\r\n${' '.repeat(8192)}\r\n`.repeat(20);
    const refused = await exchange(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    expect([statusOf(refused), codeOf(refused)]).toEqual([413, 'body-too-large']);
    const endless = await exchange(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.repeat(20)}`);
    expect([statusOf(endless), codeOf(endless)]).toEqual([413, 'body-too-large']);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('a wrong Content-Type is refused without reading the body', async () => {
    const { port } = await start();
    const head =
      'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n';
    expect(codeOf(await exchange(port, head))).toBe('unsupported-media-type');
  });

  it('a body that nobody reads does not hold up the next request on the connection', async () => {
    const { port } = await start();
    for (const path of ['/me/password', '/auth/register?x=1', '/nowhere']) {
      const body = 'x'.repeat(200_000);
      const head = `PUT ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
      const first = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
      const received = await exchange(port, first + get('/health/live', 'Connection: close'), 3_000);
      expect(received.match(/HTTP\/1\.1 \d{3}/g)?.[1]).toBe('HTTP/1.1 200');
    }
  });

  it('two requests in one packet are answered in order', async () => {
    const { port } = await start();
    const received = await exchange(port, get('/health/live') + get('/nowhere', 'Connection: close'));
    expect(received.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404']);
  });
});

describe('a client that hangs up', () => {
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`;
  const cases: readonly (readonly [when: string, bytes: string])[] = [
    ['in the headers', 'GET / HTTP/1.1\r\nHo'],
    ['in a body that is being read', head('/auth/login')],
    ['in a body that nobody reads', head('/me')],
    ['in a body that was refused', head('/auth/login').replace('60000', '90000')],
    ['while waiting for the answer', get('/health/ready')],
  ];

  it.each(cases)('%s troubles nobody', async (_, bytes) => {
    const { port, url } = await start({
      checkReadiness: () => new Promise((resolve) => setTimeout(() => resolve(true), 60)),
    });
    for (const end of ['destroy', 'resetAndDestroy'] as const) {
      const socket = await dial(port, bytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket[end]();
    }
    // An exception that nobody catches would fail the test.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });
});

describe('a connection between two requests', () => {
  const keep = async (keepAliveTimeoutMs?: number) => {
    const fetch = () => Promise.resolve(new Response('ok'));
    const listener = await listen(
      fetch,
      { host: '127.0.0.1', port: 0 },
      keepAliveTimeoutMs === undefined ? {} : { keepAliveTimeoutMs },
    );
    open.push(listener);
    return dial(listener.port, get('/'));
  };
  const isOpen = (socket: Socket) => !socket.destroyed && !socket.readableEnded;

  it('is closed when its time is over', async () => {
    const socket = await keep(1_000);
    await once(socket.resume(), 'end');
    expect(isOpen(socket)).toBe(false);
  }, 20_000);

  it('is kept for longer than other limits of time, and serves the next request', async () => {
    const socket = await keep();
    // Longer than the time for the headers of a request, which must not count from the one before.
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    expect(isOpen(socket)).toBe(true);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.write(get('/'));
    await expect.poll(() => text.match(/HTTP\/1\.1 200/g)?.length, { timeout: 5_000 }).toBe(2);
  }, 20_000);
});

describe('a client that holds on', () => {
  const hold = async (idleTimeoutMs: number, maxConnections: number) => {
    const body = 'x'.repeat(20_000_000);
    const fetch = () => Promise.resolve(new Response(body));
    const listener = await listen(fetch, { host: '127.0.0.1', port: 0 }, { idleTimeoutMs, maxConnections });
    open.push(listener);
    return listener.port;
  };

  it('and never reads its answer is let go', async () => {
    const port = await hold(1_000, 10);
    const socket = await dial(port, get('/'));
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    // What was sent before the connection was given up, and not the rest.
    let received = 0;
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        received += chunk.length;
      });
    await once(socket.resume(), 'close');
    expect(received).toBeLessThan(20_000_000);
  });

  it('to a large file costs no copy of what it has not taken', async () => {
    const size = 20_000_000;
    const reply = { status: 200, headers: [], body: new Uint8Array(size).fill(120) };
    const handle = toNodeHandler(() => Promise.resolve(toResponse(reply, 'id', 'GET', [])));
    let response: ServerResponse | undefined;
    const server = createServer((req, res) => {
      response = res;
      handle(req, res);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = await dial(port, get('/'));
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(response?.writableLength).toBeLessThan(1_000_000);
    // And who takes it gets all of it.
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.resume();
    while (received < size) await once(socket, 'data');
    socket.destroy();
    server.close();
  });

  it('to more connections than there may be loses the last ones, and the others are served', async () => {
    const port = await hold(10_000, 3);
    const held = await Promise.all([1, 2, 3].map(() => dial(port, '')));
    expect(statusOf(await exchange(port, get('/')))).toBe(0);
    for (const socket of held) socket.destroy();
    // The server has yet to hear that they are gone.
    await expect.poll(async () => statusOf(await exchange(port, get('/'))), { timeout: 5_000 }).toBe(200);
  });
});

describe('the guard', () => {
  const cases: readonly (readonly [name: string, bytes: string, status: number, code: string | undefined])[] =
    [
      ['a plain request', get('/health/live'), 200, undefined],
      [
        'a port and an IPv6 address in Host',
        'GET /health/live HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n',
        200,
        undefined,
      ],
      [
        'the absolute form of its own host',
        'GET http://kith.test/health/live HTTP/1.1\r\nHost: kith.test\r\n\r\n',
        200,
        undefined,
      ],
      ['HTTP/1.0 without Host', 'GET /health/live HTTP/1.0\r\n\r\n', 200, undefined],
      ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', 400, 'bad-host'],
      ['two Hosts', 'GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'bad-host'],
      ['an empty Host', 'GET /health/live HTTP/1.1\r\nHost:\r\n\r\n', 400, 'bad-host'],
      ['a path in Host', 'GET /nowhere HTTP/1.1\r\nHost: a/health/live?\r\n\r\n', 400, 'bad-host'],
      ['a fragment in Host', 'GET /nowhere HTTP/1.1\r\nHost: a/health/live#\r\n\r\n', 400, 'bad-host'],
      ['a user in Host', 'GET /health/live HTTP/1.1\r\nHost: a@b\r\n\r\n', 400, 'bad-host'],
      ['a port that is none in Host', 'GET /health/live HTTP/1.1\r\nHost: a:99999\r\n\r\n', 400, 'bad-host'],
      [
        'an address that is none in Host',
        'GET /health/live HTTP/1.1\r\nHost: [::::]\r\n\r\n',
        400,
        'bad-host',
      ],
      ['a very long Host', `GET /health/live HTTP/1.1\r\nHost: ${'a'.repeat(300)}\r\n\r\n`, 400, 'bad-host'],
      [
        'the absolute form of another host',
        'GET http://evil/health/live HTTP/1.1\r\nHost: kith.test\r\n\r\n',
        400,
        'bad-host',
      ],
      [
        'the absolute form of another scheme',
        'GET ftp://kith.test/x HTTP/1.1\r\nHost: kith.test\r\n\r\n',
        400,
        'bad-target',
      ],
      ['a dot segment', get('/nowhere/../health/live'), 400, 'bad-target'],
      ['an encoded dot segment', get('/nowhere/%2e%2E/health/live'), 400, 'bad-target'],
      ['a dot segment at the end', get('/health/live/.'), 400, 'bad-target'],
      [
        'a dot segment in the absolute form',
        'GET http://kith.test/x/../health/live HTTP/1.1\r\nHost: kith.test\r\n\r\n',
        400,
        'bad-target',
      ],
      ['a backslash', get('/health\\live'), 400, 'bad-target'],
      ['an encoded NUL', get('/health/live%00'), 400, 'bad-target'],
      ['an encoded slash', get('/health%2flive'), 404, 'not-found'],
      ['an encoded backslash', get('/health%5clive'), 404, 'not-found'],
      ['an encoded slash after dots', get('/nowhere/..%2fhealth/live'), 404, 'not-found'],
      ['a path that cannot be decoded', get('/problems/%zz'), 404, 'not-found'],
      ['a double slash', get('//health/live'), 404, 'not-found'],
      ['dots in the query', get('/health/live?/../'), 422, 'unknown-field'],
      ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 404, 'not-found'],
      ['a forwarded host', get('/health/live', 'X-Forwarded-Host: evil/metrics?'), 200, undefined],
      ['an expectation that nobody has', get('/health/live', 'Expect: fish'), 417, 'expectation-failed'],
      ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed-request'],
      ['an unknown method', 'FOO / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed-request'],
      ['a NUL', get('/a\0b'), 400, 'malformed-request'],
      ['a relative target', get('health/live'), 400, 'malformed-request'],
      [
        'two framings',
        'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        400,
        'malformed-request',
      ],
      [
        'a negative length',
        'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
        400,
        'malformed-request',
      ],
      ['headers over 8 KiB', get('/health/live', `X: ${'a'.repeat(9000)}`), 431, 'headers-too-large'],
    ];

  it.each(cases)('answers %s', async (_, bytes, status, code) => {
    const { port } = await start();
    const received = await exchange(port, bytes);
    expect([statusOf(received), codeOf(received)]).toEqual([status, code]);
    for (const header of [
      /x-request-id: [\w.-]+\r\n/i,
      /x-content-type-options: nosniff/i,
      /private, no-store/,
    ]) {
      expect(received).toMatch(header);
    }
  });
});

describe('slow senders', () => {
  const cutOff = async (bytes: string) => {
    const { port } = await start();
    const startedMs = performance.now();
    const received = await exchange(port, bytes, 15_000);
    return { received, tookMs: performance.now() - startedMs };
  };

  it('of headers are cut off after 5 seconds, of a body after 8', async () => {
    const [headers, body] = await Promise.all([
      cutOff('GET /health/live HTTP/1.1\r\nHo'),
      cutOff(
        'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      ),
    ]);
    expect(codeOf(headers.received)).toBe('request-timeout');
    expect(headers.tookMs).toBeLessThan(7_000);
    expect(codeOf(body.received)).toBe('request-timeout');
    expect(body.tookMs).toBeLessThan(12_000);
  });
});

describe('a listener', () => {
  it('rejects a port in use and a host that is not here, and says which', async () => {
    const { port, world } = await start();
    const again = (host: string) => listen(world.http.fetch, { host, port });
    await expect(again('127.0.0.1')).rejects.toThrow(
      `cannot listen on 127.0.0.1 port ${port}: the port is in use`,
    );
    await expect(again('192.0.2.1')).rejects.toThrow(/^cannot listen on 192\.0\.2\.1/);
  });

  it('closes at once when nothing is under way, idle connections or not', async () => {
    const { port, close } = await start();
    const idle = await dial(port, get('/health/live'));
    await once(idle, 'data');
    const startedMs = performance.now();
    await close(5_000);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await expect(dial(port, '')).rejects.toThrow();
  });

  it('lets what is under way finish, and then lets go of its connection', async () => {
    const answers: (() => void)[] = [];
    const { port, close } = await start({
      checkReadiness: () => new Promise((resolve) => answers.push(() => resolve(true))),
    });
    const received = exchange(port, get('/health/ready'), 10_000);
    while (answers.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const startedMs = performance.now();
    const closed = close(5_000);
    setTimeout(() => {
      for (const answer of answers) answer();
    }, 50);
    await closed;
    expect(statusOf(await received)).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('destroys what is stuck at the deadline: an upload, a silent connection, a use case', async () => {
    const { port, close } = await start({ checkReadiness: () => new Promise(() => {}) });
    const stuck = await Promise.all([
      dial(
        port,
        'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      ),
      dial(port, ''),
      dial(port, get('/health/ready')),
    ]);
    const ends = stuck.map((socket) => once(socket, 'close'));
    for (const socket of stuck) socket.on('error', () => {}).resume();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startedMs = performance.now();
    await close(200);
    await Promise.all(ends);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
  });

  it('leaves signals alone', async () => {
    const before = process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
    await start();
    expect(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')).toBe(before);
  });
});

describe('inside another server', () => {
  it('a Node handler answers as the listener does', async () => {
    const world = await openWorld();
    const server = createServer(toNodeHandler(world.http.fetch)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const body = JSON.stringify({ email: 'ada@example.com', username: 'ada', password });
    const response = await fetch(`http://127.0.0.1:${port}/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect((await readAnswer('POST', '/auth/register', response)).status).toBe(201);
    server.close();
  });

  it('whose body parser came first, the request is refused as incomplete', async () => {
    const world = await openWorld();
    const handle = toNodeHandler(world.http.fetch);
    const server = createServer((request, response) => {
      request.resume().once('end', () => handle(request, response));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`http://127.0.0.1:${port}/auth/login`, {
      method: 'POST',
      headers,
      body: '{}',
    });
    expect((await readAnswer('POST', '/auth/login', response)).status).toBe(400);
    server.close();
  });
});
