import fc from 'fast-check';
import { openApi } from '../../adapters/http/pages/openapi.ts';
import { publicRoutes } from '../../adapters/http/routes/routes.ts';

/**
 * One request that somebody might send. `«id»`, `«contact»`, `«token»` and `«admin»` stand for what the server at hand has;
 * the header `authorization` is one of them or made up.
 */
export type Shot = {
  readonly operation: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
};

type Schema = { readonly [keyword: string]: unknown };
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;
const at = (schema: Schema, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, step) => (isSchema(value) ? value[step] : undefined), schema);

/** What has broken servers before: SQL, operators, prototypes, paths, templates, formats, homoglyphs, bidi, overlong. */
export const hostileStrings: readonly string[] = [
  ...["' or '1'='1", "'; drop table users;--", '1 union select null,version()', '%27%20or%201=1', '\\'],
  ...[
    '{"$ne":null}',
    '[object Object]',
    '__proto__',
    'constructor',
    'toString',
    '#{7*7}',
    '{{7*7}}',
    '<%= 1 %>',
  ],
  ...[
    '../../etc/passwd',
    '..\\..\\',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '<script>alert(1)</script>',
  ],
  ...['\0', 'a\0b', '\u0001', '\u007f', '\u200b', '\u202e', '\ufeff', '\ud800', '\udc00\ud800', '\u{e0001}'],
  ...['ａdmin', 'аdmin', 'admın', 'ﬀ', 'ß', 'İ', '\u1e9e', '\u0130', 'Å', '＠', 'a＠b.c', '𝖆𝖉𝖒𝖎𝖓'],
  ...['', ' ', '\t', '\n', '\r\n', 'x\r\nset-cookie: a=b', 'null', 'undefined', 'NaN', 'true', '-1', '1e999'],
  ...['0', '-0', '9'.repeat(30), '2147483648', '9223372036854775808', 'x'.repeat(300), 'x'.repeat(6000)],
  ...['😀'.repeat(130), 'e\u0301'.repeat(200), '9999-99-99', '2026-02-30', '0000-00-00', '+1', '+0000000000'],
  ...[
    'https://[',
    'http://a',
    'https://a/\u202e',
    'a@b',
    'admin@localhost',
    '00000000-0000-0000-0000-000000000000',
  ],
];

const hostileString = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostileStrings) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
);

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

/** A value of a type that nobody asked for. */
const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileString,
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, 0.5, [], {}, [[]], { $ne: null }, { $gt: '' }, deep(18)),
  fc.constantFrom<unknown>(['a', 'b'], { toString: 'x' }, { length: 3 }, { valueOf: 'x' }, deep(30)),
  fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text)),
);

/** A value that the schema describes, more or less: nobody who attacks keeps to a schema, but needs to get past it. */
const conforming = (schema: Schema): fc.Arbitrary<unknown> => {
  const options = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(options)) return fc.oneof(...options.filter(isSchema).map(conforming));
  const names = schema['enum'];
  if (Array.isArray(names)) return fc.constantFrom(...names);
  switch (schema['type']) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: -2, max: 200 });
    case 'array': {
      const { items } = schema;
      return fc.array(isSchema(items) ? mostly(items) : hostileValue, { maxLength: 4 });
    }
    case 'object':
      return objectOf(schema);
    default: {
      const { examples } = schema;
      const described = text(schema['format']);
      return Array.isArray(examples) ? fc.oneof(described, fc.constantFrom(...examples)) : described;
    }
  }
};

const text = (format: unknown): fc.Arbitrary<string> => {
  switch (format) {
    case 'email':
    case 'idn-email':
      return fc.nat({ max: 1e6 }).map((n) => `fuzz${n}@example.com`);
    case 'date':
      return fc.constantFrom('1990-05-17', '2000-02-29');
    case 'uri':
      return fc.constant('https://example.com/a.png');
    case 'password':
      return fc.constantFrom('correct horse battery staple', 'wrong horse battery staple');
    default:
      return fc.oneof(
        fc.stringMatching(/^[a-z][a-z0-9]{3,12}$/),
        fc.constantFrom('fuzz', '«id»', '+491701234567', 'user'),
      );
  }
};

const objectOf = (schema: Schema): fc.Arbitrary<unknown> => {
  const { properties } = schema;
  const entries = isSchema(properties) ? Object.entries(properties) : [];
  const fields = Object.fromEntries(
    entries.map(([name, property]) => [name, isSchema(property) ? mostly(property) : hostileValue]),
  );
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
  return fc.record(fields, { requiredKeys: required });
};

const mostly = (schema: Schema): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: conforming(schema) }, { weight: 1, arbitrary: hostileValue });

const unasked = fc.constantFrom(
  'role',
  'is_active',
  'id',
  'version',
  'password_hash',
  '__proto__',
  'constructor',
  '$where',
);

/** The text of a body: JSON by the schema, with fields nobody asked for, twice, nested too deep; or no JSON at all. */
const bodyOf = (schema: Schema): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: mostly(schema).map((value) => JSON.stringify(value) ?? 'null') },
    {
      weight: 2,
      arbitrary: fc.tuple(objectOf(schema), unasked, hostileValue).map(([value, name, extra]) => {
        const inner = JSON.stringify(value).slice(1, -1);
        return `{${inner}${inner === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(extra)}}`;
      }),
    },
    {
      weight: 1,
      arbitrary: objectOf(schema).map((value) => {
        const inner = JSON.stringify(value).slice(1, -1);
        return `{${inner}${inner === '' ? '' : ','}${inner}}`;
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '{',
        '[',
        '"',
        '{}x',
        '[1,]',
        "{'a':1}",
        'NaN',
        '\ufeff{}',
        '['.repeat(5000),
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom(66_000, 200_000).map((size) => `"${'x'.repeat(size)}"`) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
  );

const tokens = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('Bearer «token»', 'Bearer «admin»') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        '',
        'Bearer',
        'Bearer x',
        'Basic YTpi',
        'bearer «token»x',
        'Bearer «token».',
        'Bearer a.b.c',
        'Bearer ..',
      ],
      ...[
        'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
        `Bearer ${'a'.repeat(5000)}`,
        'Bearer «token», Bearer «admin»',
      ],
    ),
  },
);

const extraHeaders: fc.Arbitrary<readonly (readonly [string, string])[]> = fc.subarray(
  [
    ['if-match', '"00000000-0000-0000-0000-000000000000-1"'],
    ['if-match', 'W/"x",*'],
    ['if-none-match', '*'],
    ['if-none-match', `"${'9'.repeat(40)}"`],
    ['cache-control', 'no-cache'],
    ['x-request-id', 'fuzz-1'],
    ['x-request-id', '<script>'],
    ['x-forwarded-for', '127.0.0.1, 10.0.0.1'],
    ['x-http-method-override', 'DELETE'],
    ['origin', 'https://evil.example'],
    ['cookie', 'session=1'],
    ['accept', 'text/html;q=0'],
    ['content-encoding', 'gzip'],
    ['range', 'bytes=0-1'],
    ['expect', 'fish'],
  ] as const,
  { maxLength: 3 },
);

const contentTypes = fc.oneof(
  { weight: 12, arbitrary: fc.constant('application/json') },
  fc.constantFrom('application/json; charset=utf-8', 'application/json; charset=utf-16', 'text/plain'),
  fc.constantFrom(
    'application/x-www-form-urlencoded',
    'application/json-patch+json',
    'multipart/form-data',
    ';',
  ),
);

const encoded = (value: string): string => encodeURIComponent(value.toWellFormed());

const pathOf = (template: string): fc.Arbitrary<string> => {
  const segment = (name: string): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(template.startsWith('/contacts') ? '«contact»' : '«id»') },
      { weight: 1, arbitrary: fc.uuid() },
      { weight: 2, arbitrary: hostileString.map(encoded) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('%2e%2e', '.', '..', '%00', '%ff', '%', '%2f', 'a/b', ';a=b', name),
      },
    );
  const parts = template
    .split(/(\{\w+\})/)
    .map((part) => (part.startsWith('{') ? segment(part.slice(1, -1)) : fc.constant(part)));
  return fc.tuple(...parts).map((texts) => texts.join(''));
};

const queryOf = (operation: Schema): fc.Arbitrary<string> => {
  const parameters = Array.isArray(operation['parameters']) ? operation['parameters'].filter(isSchema) : [];
  const names = parameters.filter((each) => each['in'] === 'query').map((each) => String(each['name']));
  const pair = fc
    .tuple(
      fc.oneof(
        { weight: 4, arbitrary: names.length > 0 ? fc.constantFrom(...names) : fc.constant('x') },
        { weight: 1, arbitrary: fc.constantFrom('__proto__', 'q[]', 'skip[$gt]', 'limit', 'admin', '') },
      ),
      fc.oneof(fc.nat({ max: 250 }).map(String), hostileString),
    )
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return fc.oneof(
    { weight: names.length > 0 ? 1 : 16, arbitrary: fc.constant('') },
    {
      weight: 3,
      arbitrary: fc.array(pair, { minLength: 1, maxLength: 3 }).map((pairs) => `?${pairs.join('&')}`),
    },
  );
};

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** Requests at every operation that the OpenAPI document names, from the schemas that are in it. */
export const shots = (): fc.Arbitrary<Shot> => {
  const document = openApi(publicRoutes);
  const { paths } = document;
  const each = Object.entries(isSchema(paths) ? paths : {}).flatMap(([path, item]) =>
    methods
      .map((method) => ({ method, operation: isSchema(item) ? item[method] : undefined }))
      .flatMap(({ method, operation }) => (isSchema(operation) ? [shotAt(path, method, operation)] : [])),
  );
  return fc.oneof(...each);
};

const shotAt = (path: string, method: string, operation: Schema): fc.Arbitrary<Shot> => {
  const schema = at(operation, 'requestBody', 'content', 'application/json', 'schema');
  const usual = method.toUpperCase();
  const name = String(operation['operationId']);
  return fc
    .record({
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant(usual) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('HEAD', 'OPTIONS', 'GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'QUERY'),
        },
      ),
      path: pathOf(path),
      query: queryOf(operation),
      authorization: fc.option(tokens, { freq: 8, nil: undefined }),
      more: extraHeaders,
      type: contentTypes,
      body: isSchema(schema) ? bodyOf(schema) : fc.constant(undefined),
    })
    .map(({ method, path, query, authorization, more, type, body }) => ({
      operation: name,
      method,
      target: `${path}${query}`,
      headers: [
        ...(authorization === undefined ? [] : [['authorization', authorization] as const]),
        ...(body === undefined ? [] : [['content-type', type] as const]),
        ...more,
      ],
      body,
    }));
};

/** What stands for the server's own in a shot. */
export type Names = {
  readonly id: string;
  readonly contact: string;
  readonly token: string;
  readonly admin: string;
};

export const aim = (shot: Shot, names: Names): Shot => {
  const put = (text: string): string =>
    text.replace(/«(id|contact|token|admin)»/g, (_, name: keyof Names) => names[name]);
  return {
    ...shot,
    target: put(shot.target),
    headers: shot.headers.map(([name, value]) => [name, put(value)]),
    body: shot.body === undefined ? undefined : put(shot.body),
  };
};
