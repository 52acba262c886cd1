import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createCors } from '../../adapters/http/answer/cors.ts';
import { noContent } from '../../adapters/http/answer/reply.ts';
import { createApp } from '../../adapters/http/app.ts';
import { observeNothing } from '../../adapters/http/operations.ts';
import { toJsonSchema } from '../../adapters/http/pages/json-schema.ts';
import { createOriginOf } from '../../adapters/http/request/client-address.ts';
import { type Route, route as toRoute } from '../../adapters/http/route.ts';
import { operationsRoutes, publicRoutes } from '../../adapters/http/routes/routes.ts';
import { addressLimits } from '../../adapters/rate-limit/address-limits.ts';
import { Secret } from '../../domain/secret.ts';
import { openWorld } from '../adapters/http/world.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';

const perMinute = 3;

/** The routes behind real limits. */
const open = async (routes: readonly Route[]) => {
  const { application } = await openWorld();
  const app = createApp(routes, {
    application,
    log: silentLog,
    ids: { uuid: () => 'id' },
    basePath: '',
    cors: createCors([]),
    originOf: createOriginOf([]),
    limits: addressLimits({
      perMinute: { 'log-in': perMinute, registration: perMinute },
      hmacKey: new Secret('key'),
      keyPrefix: 'kith:',
    }),
    requestDeadlineMs: 8000,
    whyNotReady: () => undefined,
    isClosed: () => false,
    observe: observeNothing,
  });
  return async (
    { method, path }: Route,
    ip: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ) => {
    const url = `http://kith.test${path.replace(/\{\w+\}/g, 'x')}`;
    const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body }) });
    return app(Object.assign(request, { ip }));
  };
};

/** How often in a row a route lets one address in, of twice the limit. */
const admitted = async (
  send: Awaited<ReturnType<typeof open>>,
  route: Route,
  body?: object,
): Promise<number> => {
  let count = 0;
  const headers = { 'content-type': 'application/json', authorization: 'Bearer x.y.z' };
  for (let n = 0; n < 2 * perMinute; n++) {
    const { status, headers: got } = await send(route, '192.0.2.1', headers, body && JSON.stringify(body));
    if (status !== 429) count++;
    else expect(Number(got.get('retry-after'))).toBeGreaterThan(0);
  }
  return count;
};

const passwordsOf = (schema: z.ZodType): readonly string[] => {
  const { properties } = z
    .object({ properties: z.record(z.string(), z.object({ format: z.string().optional() })) })
    .parse(toJsonSchema(schema));
  return Object.entries(properties).flatMap(([name, { format }]) => (format === 'password' ? [name] : []));
};

const routes = [...publicRoutes, ...operationsRoutes()];

describe('the limits per address, over the whole route table', () => {
  const limited = routes.filter((route) => route.limited !== undefined);

  it.each(
    limited.filter((route) => route.limitedWith === undefined).map((route) => [route.name, route] as const),
  )('%s is limited before anything is asked of anybody', async (_, route) => {
    expect(await admitted(await open(routes), route, {})).toBe(perMinute);
    // Of others' addresses it knows nothing.
    const send = await open(routes);
    await admitted(send, route, {});
    expect((await send(route, '192.0.2.2', {}, '{}')).status).not.toBe(429);
  });

  it('every route that takes a password is limited, and every limited one says so', () => {
    const taking = routes.filter((route) => route.body !== undefined && passwordsOf(route.body).length > 0);
    expect(taking.map((route) => route.name)).toEqual(
      expect.arrayContaining(['register', 'logIn', 'changePassword', 'deactivateSelf', 'changeProfile']),
    );
    for (const route of taking) {
      expect(route.limited, route.name).toBeDefined();
      // Whoever counts only some of the requests counts all that have the password.
      if (route.limitedWith !== undefined && route.body !== undefined)
        expect(passwordsOf(route.body)).toEqual([route.limitedWith]);
    }
    for (const route of limited) expect(route.problems, route.name).toContain('too-many-attempts');
    for (const route of routes.filter(({ problems }) => problems.includes('too-many-attempts')))
      expect(route.limited, route.name).toBeDefined();
  });

  it('a route that is limited and takes no body is limited like any other', async () => {
    const planted = toRoute({
      method: 'GET',
      path: '/planted',
      name: 'planted',
      summary: 'Something costly without a body',
      access: 'none',
      limited: 'log-in',
      success: { status: 204, description: 'Done.' },
      run: () => noContent,
    });
    expect(await admitted(await open([planted]), planted)).toBe(perMinute);
  });
});
