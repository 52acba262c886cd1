import { describe, expect, it } from 'vitest';
import type { HttpOptions } from '../../../adapters/http/http.ts';
import { publicRoutes } from '../../../adapters/http/routes/routes.ts';
import type { CacheStatus } from '../../../application/application.ts';
import { expectProblem, openWorld } from './world.ts';

describe('the request id', () => {
  it.each(['a', 'A-1_b.c', 'x'.repeat(128), '0f8fad5b-d9cb-469f-a165-70867728950e'])(
    '%.40s is echoed',
    async (id) => {
      const answer = await (await openWorld()).send('GET', '/health/live', {
        headers: { 'x-request-id': id },
      });
      expect(answer.headers.get('x-request-id')).toBe(id);
    },
  );

  it.each(['', 'a b', 'a,b', 'x'.repeat(129), '<script>', 'a/b', '%0d%0a', 'é'])(
    '%.40j is replaced',
    async (id) => {
      const answer = await (await openWorld()).send('GET', '/nowhere', { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toBe('generated-1');
      expect(answer.json).toMatchObject({ instance: 'generated-1' });
    },
  );
});

describe('a path that is not there', () => {
  it.each([
    '/',
    '/canary',
    '/me/',
    '/ME',
    '//me',
    '/me//password',
    '/users',
    '/users/',
    '/contacts/a/b',
    '/health',
    '/metrics',
    '/admin',
    '/problems/canary',
    '/problems/__proto__',
    '/problems/toString',
    '/%zz',
    '/users/%ff',
    '/problems/%',
    '/me%2f',
    '/me;x',
  ])('is answered 404 without an echo: %s', async (path) => {
    const ada = await (await openWorld()).join('ada');
    for (const method of ['GET', 'DELETE', 'PROPFIND']) {
      if (method !== 'GET' && path.startsWith('/problems')) continue;
      const answer = await ada.send(method, path);
      expectProblem(answer, 404, 'not-found');
      expect(answer.text).not.toMatch(/canary|proto|toString|kith\.test/);
    }
  });

  it('on the operations listener is anything but health', async () => {
    const { sendOps } = await openWorld();
    for (const path of ['/me', '/contacts', '/auth/login', '/openapi.json']) {
      expectProblem(await sendOps('GET', path), 404, 'not-found');
    }
  });
});

describe('a method that a path does not have', () => {
  const paths = [...Map.groupBy(publicRoutes, ({ path }) => path)];

  it.each(paths.map(([path, rows]) => [path, rows] as const))('is answered 405 at %s', async (path, rows) => {
    const has = new Set(rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])));
    const { send } = await openWorld();
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      if (has.has(method)) continue;
      const answer = await send(method, path.replace(/\{\w+\}/g, 'x'));
      expect(answer.status).toBe(405);
      if (method !== 'HEAD') expectProblem(answer, 405, 'method-not-allowed');
      expect(new Set(answer.headers.get('allow')?.split(', '))).toEqual(has);
    }
  });
});

describe('HEAD', () => {
  it('is GET without the content', async () => {
    const ada = await (await openWorld()).join('ada');
    for (const path of [
      '/me',
      '/contacts',
      `/users/${ada.id}`,
      '/health/live',
      '/docs',
      '/openapi.json',
      '/contacts/x',
      '/nowhere',
      '/me?x=1',
    ]) {
      const headers = { 'x-request-id': 'same', 'cache-control': 'no-cache' };
      const [get, head] = [
        await ada.send('GET', path, { headers }),
        await ada.send('HEAD', path, { headers }),
      ];
      expect(head.status).toBe(get.status);
      expect([...head.headers]).toEqual([...get.headers]);
    }
  });

  it('also fails without content', async () => {
    const answer = await (await openWorld()).send('HEAD', '/me');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('health', () => {
  it('is alive', async () => {
    const world = await openWorld({ checkReadiness: async () => false });
    for (const answer of [
      await world.send('GET', '/health/live'),
      await world.sendOps('GET', '/health/live'),
    ]) {
      expect(answer.json).toEqual({ status: 'alive' });
    }
  });

  it('is ready while the database answers', async () => {
    expect((await (await openWorld()).send('GET', '/health/ready')).json).toEqual({ status: 'ready' });
    const down = await (await openWorld({ checkReadiness: async () => false })).send('GET', '/health/ready');
    expectProblem(down, 503, 'database-unavailable');
    expect(down.headers.get('retry-after')).toBe('1');
  });

  it('is not ready while shutting down', async () => {
    const { send, sendOps } = await openWorld({}, { whyNotReady: () => 'shutting-down' });
    expectProblem(await send('GET', '/health/ready'), 503, 'shutting-down');
    expectProblem(await sendOps('GET', '/health/ready'), 503, 'shutting-down');
    expect((await send('GET', '/health/live')).status).toBe(200);
  });

  it('is not ready before the start has ended, and says of the database first', async () => {
    const options: Partial<HttpOptions> = { whyNotReady: () => 'starting' };
    const { send } = await openWorld({}, options);
    expectProblem(await send('GET', '/health/ready'), 503, 'starting');
    expect((await send('GET', '/health/live')).status).toBe(200);
    const down = await openWorld({ checkReadiness: async () => false }, options);
    expectProblem(await down.send('GET', '/health/ready'), 503, 'database-unavailable');
  });

  it('of the real thing looks the same', async () => {
    const { send, sendOps } = await openWorld();
    for (const path of ['/health/live', '/health/ready', '/health/cache']) {
      for (const answer of [await send('GET', path), await sendOps('GET', path)])
        expect(answer.status).toBe(200);
    }
    expect((await sendOps('GET', '/health/cache')).json).toMatchObject({
      status: 'healthy',
      backend: 'memory',
    });
  });

  it('of the cache is short for everybody and whole for operators', async () => {
    const known: CacheStatus = {
      status: 'healthy',
      backend: 'memory',
      latencyMs: null,
      circuit: 'closed',
      memoryUsedBytes: null,
      entriesInMemory: 3,
      maxStalenessMs: 500,
      stalenessMs: 40,
      gate: 'open',
      statistics: {
        hits: 3,
        misses: 1,
        hitRatePercent: 75,
        totalLookups: 4,
        invalidations: 2,
        byTier: { memory: 3, redis: 0, database: 1 },
      },
    };
    const { send, sendOps } = await openWorld({ getCacheStatus: async () => known });
    expect((await send('GET', '/health/cache')).json).toEqual({
      status: 'healthy',
      backend: 'memory',
      latency_ms: null,
      circuit: 'closed',
    });
    expect((await sendOps('GET', '/health/cache')).json).toEqual({
      status: 'healthy',
      backend: 'memory',
      latency_ms: null,
      circuit: 'closed',
      memory_used_bytes: null,
      entries_in_memory: 3,
      max_staleness_ms: 500,
      staleness_ms: 40,
      gate: 'open',
      stats: {
        hits: 3,
        misses: 1,
        hit_rate_percent: 75,
        total_lookups: 4,
        invalidations: 2,
        by_tier: { memory: 3, redis: 0, database: 1 },
      },
    });
  });
});

describe('other origins', () => {
  const origin = 'https://app.example';
  const preflight = { origin, 'access-control-request-method': 'PATCH' };

  it('have no part in it unless they are configured', async () => {
    const { send } = await openWorld();
    const answer = await send('GET', '/health/live', { headers: { origin } });
    expect([...answer.headers.keys()].filter((name) => /^(access-control|vary)/.test(name))).toEqual([]);
    expectProblem(await send('OPTIONS', '/me', { headers: preflight }), 405, 'method-not-allowed');
  });

  it('that are configured may ask and read, without credentials', async () => {
    const { send } = await openWorld({}, { corsOrigins: [origin] });
    const asked = await send('OPTIONS', '/me', { headers: preflight });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
    expect(asked.headers.get('access-control-allow-methods')).toBe('GET, HEAD, PATCH');
    const allowed = asked.headers.get('access-control-allow-headers')?.split(', ');
    expect(allowed).toEqual(
      expect.arrayContaining(['Authorization', 'Idempotency-Key', 'traceparent', 'tracestate', 'baggage']),
    );
    for (const path of ['/health/live', '/me', '/nowhere']) {
      const { headers } = await send('GET', path, { headers: { origin } });
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-expose-headers')).toContain('ETag');
      expect(headers.get('vary')).toBe('Origin');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
    }
  });

  it.each([
    'https://app.example.evil.com',
    'https://evil.com',
    'http://app.example',
    'null',
    'https://app.example:444',
  ])('that are not configured are not let in: %s', async (other) => {
    const { send } = await openWorld({}, { corsOrigins: [origin] });
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await send(method, '/health/live', { headers: { ...preflight, origin: other } });
      expect(headers.has('access-control-allow-origin')).toBe(false);
      expect(headers.get('vary')).toBe('Origin');
    }
  });

  it('find no preflight at a path that is not there', async () => {
    const { send } = await openWorld({}, { corsOrigins: [origin] });
    expectProblem(await send('OPTIONS', '/nowhere', { headers: preflight }), 404, 'not-found');
    expectProblem(await send('OPTIONS', '/me'), 405, 'method-not-allowed');
  });
});
