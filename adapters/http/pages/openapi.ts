import type { z } from 'zod';
import { idempotencyLimits } from '../../../domain/idempotency.ts';
import { edgeProblems } from '../answer/edge-problems.ts';
import { type ProblemCode, problemRows } from '../answer/problem-table.ts';
import type { Route } from '../route.ts';
import { version } from '../version.ts';
import * as shape from '../wire/representations.ts';
import {
  type JsonSchema,
  propertiesOf,
  schemaReference,
  toJsonSchema,
  toNamedJsonSchemas,
} from './json-schema.ts';

const components: Readonly<Record<string, z.ZodType>> = {
  User: shape.user,
  Profile: shape.profile,
  Session: shape.session,
  Contact: shape.contact,
  ContactPage: shape.contactPage,
  Problem: shape.problemBody,
};

/** The routes as an OpenAPI 3.1 document, from the very schemas that validate requests. */
export const openApi = (routes: readonly Route[], basePath = ''): JsonSchema => ({
  openapi: '3.1.0',
  info: {
    title: 'Kith',
    version,
    description: 'Users and their contacts behind a cache that does not lie.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: basePath || '/' }],
  paths: Object.fromEntries(
    [...Map.groupBy(routes, (route) => route.path)].map(([path, rows]) => [
      path,
      {
        ...pathParameters(path),
        ...Object.fromEntries(rows.map((route) => [route.method.toLowerCase(), operation(route)])),
      },
    ]),
  ),
  components: {
    schemas: toNamedJsonSchemas(components),
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
  },
});

const operation = (route: Route): JsonSchema => ({
  operationId: route.name,
  summary: route.summary,
  tags: [route.path.split('/')[1]],
  // An empty list says that no token is needed; without any it could have been forgotten.
  security: route.access === 'none' ? [] : [{ bearer: [] }],
  parameters: [...queryParameters(route), ...headerParameters(route)],
  ...(route.body === undefined
    ? {}
    : {
        requestBody: {
          required: true,
          content: { 'application/json': { schema: toJsonSchema(route.body) } },
        },
      }),
  responses: { [route.success.status]: success(route), ...failures(route) },
});

const pathParameters = (path: string): JsonSchema => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  if (names.length === 0) return {};
  return {
    parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
  };
};

const queryParameters = (route: Route): readonly JsonSchema[] =>
  route.query === undefined
    ? []
    : propertiesOf(toJsonSchema(route.query, 'output')).map(({ name, schema, required }) => ({
        name,
        in: 'query',
        required,
        schema,
      }));

const { maxLength, countsForMs } = idempotencyLimits;

const headerParameters = (route: Route): readonly JsonSchema[] => {
  const isConditional = route.problems.includes('version-conflict');
  const headers: (readonly [name: string, description: string])[] = [];
  if (isConditional)
    headers.push(['If-Match', 'Strong tags, or *: another version is 412. A weak tag never matches.']);
  if (isConditional) headers.push(['If-None-Match', 'Tags, or *: a version that they name is 412.']);
  if (route.etag && route.method === 'GET')
    headers.push(['If-None-Match', 'Tags, or *: a version that they name is 304.']);
  if (route.problems.includes('idempotency-key-reused'))
    headers.push([
      'Idempotency-Key',
      `1-${maxLength} characters of printable ASCII, as "abc" or abc. Sent again with the same body within ${countsForMs / 3_600_000} hours, the request is answered as it was the first time, and nothing is added.`,
    ]);
  if (route.cached)
    headers.push([
      'Cache-Control',
      'no-cache reads the primary database; only-if-cached does not, and is 504 on a miss.',
    ]);
  return headers.map(([name, description]) => ({
    name,
    in: 'header',
    description,
    required: false,
    schema: { type: 'string' },
  }));
};

const success = (route: Route): JsonSchema => {
  const { schema, description, status, mediaType = 'application/json' } = route.success;
  return {
    description,
    headers: responseHeaders([...validators(route), ...(status === 201 ? (['Location'] as const) : [])]),
    ...(status === 204
      ? {}
      : { content: { [mediaType]: schema === undefined ? {} : { schema: schemaOf(schema) } } }),
  };
};

const headerDescriptions = {
  'X-Request-Id': 'The one that was sent, or a new one. The log has it too.',
  ETag: 'Strong and opaque. No two users share one, nor do two contacts.',
  'Cache-Status': 'Which tier answered (RFC 9211).',
  Location: 'The path of what was made.',
  'Retry-After': 'Whole seconds, at least 1.',
  'WWW-Authenticate': 'Bearer, and why the token was refused (RFC 6750).',
};
type DescribedHeader = keyof typeof headerDescriptions;

/** What a representation is told apart by, and where it came from. */
const validators = (route: Route): readonly DescribedHeader[] => [
  ...(route.etag ? (['ETag'] as const) : []),
  ...(route.cached ? (['Cache-Status'] as const) : []),
];

const responseHeaders = (names: readonly DescribedHeader[]): JsonSchema =>
  Object.fromEntries(
    ['X-Request-Id' as const, ...names].map((name) => [
      name,
      { description: headerDescriptions[name], schema: { type: 'string' } },
    ]),
  );

const schemaOf = (schema: z.ZodType): JsonSchema => {
  const [name] = Object.entries(components).find(([, component]) => component === schema) ?? [];
  return name === undefined ? toJsonSchema(schema, 'output') : { $ref: schemaReference(name) };
};

const failures = (route: Route): JsonSchema => {
  const byStatus = Map.groupBy(
    [...route.problems, ...edgeProblems.always],
    (code) => problemRows[code].status,
  );
  const problems = [...byStatus].map(([status, codes]) => [
    status,
    {
      description: codes.join(', '),
      headers: responseHeaders([
        ...(codes.some((code) => problemRows[code].challenge) ? (['WWW-Authenticate'] as const) : []),
        ...(codes.some(saysWhen) ? (['Retry-After'] as const) : []),
      ]),
      content: { 'application/problem+json': { schema: { $ref: schemaReference('Problem') } } },
    },
  ]);
  const notModified = {
    description: 'The client has this version.',
    headers: responseHeaders(validators(route)),
  };
  return {
    ...Object.fromEntries(problems),
    ...(route.etag && route.method === 'GET' ? { 304: notModified } : {}),
  };
};

/** Whether it tells when to come back. */
const saysWhen = (code: ProblemCode): boolean =>
  code === 'too-many-attempts' || problemRows[code].retryAfterMs !== undefined;
