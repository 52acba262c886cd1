import { createHash } from 'node:crypto';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { edgeProblems } from '../../../adapters/http/answer/edge-problems.ts';
import { problemRows } from '../../../adapters/http/answer/problem-table.ts';
import { publicRoutes } from '../../../adapters/http/routes/routes.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { openWorld } from './world.ts';

const document = async () => {
  const answer = await (await openWorld()).send('GET', '/openapi.json');
  expect(answer.status).toBe(200);
  return answer.json;
};

/** What a JSON pointer points to. */
const dig = (json: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null
        ? Object.getOwnPropertyDescriptor(value, step)?.value
        : undefined,
    json,
  );

/** Every member with this name, anywhere. */
const all = (json: unknown, name: string): unknown[] =>
  typeof json !== 'object' || json === null
    ? []
    : Object.entries(json).flatMap(([key, value]) => [...(key === name ? [value] : []), ...all(value, name)]);

describe('openapi.json', () => {
  it('is OpenAPI 3.1 and describes each route once', async () => {
    const json = await document();
    expect(dig(json, 'openapi')).toBe('3.1.0');
    expect(dig(json, 'info', 'version')).toBe(manifest.version);
    const described = Object.entries(Object(dig(json, 'paths'))).flatMap(([path, item]) =>
      Object.keys(Object(item))
        .filter((key) => key !== 'parameters')
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(
      publicRoutes.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
    const ids = all(json, 'operationId');
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is clean under a public linter, by its strictest set of rules', async () => {
    const config = await createConfig({ extends: ['recommended-strict'] });
    const lint = async (json: unknown) =>
      (await lintFromString({ source: JSON.stringify(json), absoluteRef: '/openapi.json', config })).map(
        ({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`,
      );
    const json = await document();
    expect(await lint(json)).toEqual([]);
    // And it finds something where there is something to find.
    expect(await lint({ ...Object(json), servers: [] })).not.toEqual([]);
  });

  it('resolves every reference and uses every component', async () => {
    const json = await document();
    const references = all(json, '$ref').map(String);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references)
      expect(dig(json, ...reference.split('/').slice(1))).toBeTypeOf('object');
    for (const name of Object.keys(Object(dig(json, 'components', 'schemas')))) {
      expect(references).toContain(`#/components/schemas/${name}`);
    }
  });

  it('declares every parameter of every path', async () => {
    const json = await document();
    for (const { path } of publicRoutes) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared: unknown = dig(json, 'paths', path, 'parameters') ?? [];
      expect(declared).toEqual(
        names.map((name) => expect.objectContaining({ name, in: 'path', required: true })),
      );
    }
  });

  it.each(publicRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'describes %s',
    async (_, route) => {
      const operation = dig(await document(), 'paths', route.path, route.method.toLowerCase());
      const statuses = [
        route.success.status,
        ...[...route.problems, ...edgeProblems.always].map((code) => problemRows[code].status),
      ];
      for (const status of statuses)
        expect(dig(operation, 'responses', String(status), 'description')).toBeTypeOf('string');
      expect(dig(operation, 'security')).toEqual(route.access === 'none' ? [] : [{ bearer: [] }]);
      const body = dig(operation, 'requestBody', 'content', 'application/json', 'schema');
      expect(body === undefined).toBe(route.body === undefined);
      if (route.body !== undefined) expect(dig(body, 'additionalProperties')).toBe(false);
    },
  );

  it('carries the limits of the domain', async () => {
    const json = await document();
    const body = (path: string, method: string) =>
      dig(json, 'paths', path, method, 'requestBody', 'content', 'application/json', 'schema');
    expect(dig(body('/auth/register', 'post'), 'properties', 'email')).toMatchObject({
      minLength: 3,
      maxLength: 254,
    });
    expect(dig(body('/auth/register', 'post'), 'required')).toEqual(['email', 'username', 'password']);
    expect(dig(body('/me', 'patch'), 'properties', 'skills')).toMatchObject({ maxItems: 50 });
    expect(dig(json, 'paths', '/contacts', 'get', 'parameters')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'limit',
          schema: expect.objectContaining({ type: 'integer', maximum: 100, default: 20 }),
        }),
      ]),
    );
  });

  it('does not tell an account name from a secret it must never give out', async () => {
    const properties = Object.keys(
      Object(dig(await document(), 'components', 'schemas', 'User', 'properties')),
    );
    expect(properties.filter((name) => /password|hash|token/.test(name))).toEqual([]);
    expect(
      Object.keys(Object(dig(await document(), 'components', 'schemas', 'Profile', 'properties'))),
    ).not.toContain('email');
  });
});

describe('the pages', () => {
  it.each(Object.entries(problemRows))('explain %s', async (code, row) => {
    const answer = await (await openWorld()).send('GET', `/problems/${code}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.text).toContain(`<h1>${row.title}</h1>`);
    expect(answer.text).toContain(`<code>${code}</code>`);
  });

  it('are on the operations listener too, where errors refer to them', async () => {
    expect((await (await openWorld()).sendOps('GET', '/problems/not-found')).status).toBe(200);
  });

  it('list every route', async () => {
    const { text } = await (await openWorld()).send('GET', '/docs');
    for (const { method, path } of publicRoutes) {
      expect(text.includes(`<code>${method} ${path}</code>`)).toBe(true);
    }
    expect(text.includes('string, minLength 1, maxLength 100, or null')).toBe(true);
  });

  it('of the API runs the viewer from here and from nowhere else, with nothing inline', async () => {
    const { send } = await openWorld();
    const { text, headers } = await send('GET', '/docs');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self' 'sha256-[^ ]+'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    const files = [...text.matchAll(/<(?:script src|link rel="stylesheet" href)="([^"]+)"/g)].map(
      ([, path = '']) => path,
    );
    expect(files.map((path) => path.replace(/[0-9a-f]{16}/, 'hash')).toSorted()).toEqual(
      ['docs.css', 'docs.js', 'swagger-ui.css', 'swagger-ui.js'].map((name) => `docs/assets/hash/${name}`),
    );
    for (const path of files) {
      const file = await send('GET', `/${path}`);
      expect(file.status).toBe(200);
      expect(file.headers.get('content-type')).toMatch(/^text\/(?:javascript|css); charset=utf-8$/);
      expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(file.text.length).toBeGreaterThan(100);
      // An old page must not be given the new file under the old name, for a year.
      expect((await send('GET', `/${path.replace(/[0-9a-f]{16}/, '0123456789abcdef')}`)).status).toBe(404);
    }
    for (const name of ['..%2F..%2Fpackage.json', 'package.json', '__proto__', 'toString']) {
      expect((await send('GET', `/docs/assets/0123456789abcdef/${name}`)).status).toBe(404);
    }
  });

  it('allow their one style sheet by its hash, and nothing else', async () => {
    const { text, headers } = await (await openWorld()).send('GET', '/problems/not-found');
    const style = /<style>([^<]*)<\/style>/.exec(text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(text.match(/style=| on\w+=|<img|<link|url\(|@import/)).toBeNull();
  });
});
