import fc from 'fast-check';
import { expect, it } from 'vitest';
import { publicRoutes } from '../../../adapters/http/routes/routes.ts';
import { at, openWorld, password, readAnswer, toRequest } from './world.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
const segment = fc.oneof(
  fc.constantFrom('x', '%00', '%2e%2e', '%2F', '%ff', '01900000-0000-7000-8000-000000000001'),
  fc.webSegment(),
);
const path = fc
  .tuple(
    fc.constantFrom(...publicRoutes.map((route) => route.path), '/', '/nowhere'),
    segment,
    fc.option(fc.webQueryParameters()),
  )
  .map(([template, part, query]) => template.replace(/\{\w+\}/g, part) + (query === null ? '' : `?${query}`));

const names = fc.constantFrom(
  'email',
  'username',
  'password',
  'name',
  'skills',
  'role',
  'first_name',
  'birthday',
  '__proto__',
  'ids',
  'identifier',
);
const json = fc
  .dictionary(fc.oneof(names, fc.string()), fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()))
  .map((value) => JSON.stringify(value));
const body = fc.oneof(
  json,
  fc.json(),
  fc.string(),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
);

const visible = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const headers = fc.record(
  {
    'content-type': fc.oneof(fc.constant('application/json'), visible),
    authorization: fc.oneof(
      visible,
      visible.map((text) => `Bearer ${text}`),
    ),
    'if-match': visible,
    'if-none-match': visible,
    'cache-control': visible,
    'x-request-id': visible,
    origin: visible,
  },
  { requiredKeys: [] },
);

it('for every request, the answer is what the contract says of all answers, and never a 5xx', async () => {
  const world = await openWorld({}, { corsOrigins: ['https://app.example'] });
  await world.joinAsAdmin('ada');
  const requests = fc.record({
    method: fc.constantFrom(...methods),
    path,
    headers,
    body: fc.option(body),
    withToken: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, path: target, headers: sent, body: raw, withToken }) => {
      // A new session each time: one of the requests may sign out everywhere.
      const session = await world.send('POST', '/auth/login', {
        json: { identifier: 'ada@example.com', password },
      });
      const token = at(session.json, 'access_token');
      const hasBody = raw !== null && method !== 'GET' && method !== 'HEAD';
      const answer = await readAnswer(
        method,
        target,
        await world.http.fetch(
          toRequest(method, target, {
            // The token comes last, so that it is there when it should be.
            headers: { ...sent, ...(withToken ? { authorization: `Bearer ${token}` } : {}) },
            ...(hasBody ? { raw } : {}),
          }),
        ),
      );
      expect(answer.status).toBeLessThan(500);
      expect(answer.status).toBeGreaterThanOrEqual(200);
    }),
    { numRuns: 500 },
  );
  expect(world.log.filter(({ event }) => event === 'http.unexpected')).toEqual([]);
});
