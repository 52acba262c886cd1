import { expect, onTestFinished } from 'vitest';
import { createHttp, type Http, type HttpOptions } from '../../../adapters/http/http.ts';
import { openApi } from '../../../adapters/http/pages/openapi.ts';
import type { Route } from '../../../adapters/http/route.ts';
import { operationsRoutes, publicRoutes } from '../../../adapters/http/routes/routes.ts';
import { problemBody } from '../../../adapters/http/wire/representations.ts';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import type { Application } from '../../../application/application.ts';
import { compose } from '../../../composition/compose.ts';
import { defaultConfig } from '../../../composition/config.ts';
import type { LogFields } from '../../../domain/ports/runtime.ts';
import { watchOnce } from '../../support/canaries.ts';
import { at } from '../../support/json.ts';
import { quickHasher } from '../../support/quick-hasher.ts';
import { silentLog } from '../mikro-orm/support.ts';

export { at } from '../../support/json.ts';

export const password = 'correct horse battery staple';

/** A response that was read, and of which everything that every response must have was checked. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  json: unknown;
};

export type Sending = {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer> | ReadableStream;
};

export type LogLine = { readonly event: string; readonly fields: LogFields };

export type World = {
  readonly application: Application;
  readonly http: Http;
  readonly log: readonly LogLine[];
  send(method: string, path: string, sending?: Sending): Promise<Answer>;
  sendOps(method: string, path: string): Promise<Answer>;
  /** A new user, logged in. */
  join(name: string): Promise<Member>;
  /** A new administrator, logged in. */
  joinAsAdmin(name: string): Promise<Member>;
};

export type Member = {
  readonly id: string;
  readonly token: string;
  send(method: string, path: string, sending?: Sending): Promise<Answer>;
};

/** What a world keeps of the log, and the options that write it. */
const recording = (options: Partial<HttpOptions>) => {
  const log: LogLine[] = [];
  const write = (event: string, fields: LogFields = {}) => {
    log.push({ event, fields });
    silentLog.info(event, fields);
  };
  let made = 0;
  const whole: HttpOptions = {
    log: { info: write, warn: write, error: write },
    ids: { uuid: () => `generated-${++made}` },
    ...options,
  };
  return { log, options: whole };
};

/** Use cases instead of the real ones, or around them: to force a failure, a fault, or a moment. */
export type Replaced = Partial<Application> | ((real: Application) => Partial<Application>);

const config = defaultConfig();
/** A check of the log drops what was changed since the one before: so that none falls between two requests, they are rare. */
const rarelyChecked = { ...config, cache: { ...config.cache, journalBoundMs: 60_000 } };

/** Kith as it is, over the memory adapters; only the hash is a quick one. Closed at the end of the test. */
export const openWorld = async (
  replaced: Replaced = {},
  options: Partial<HttpOptions> = {},
): Promise<World> => {
  const kept = recording(options);
  const kith = await compose(rarelyChecked, {
    database: memoryDatabase(),
    hasher: quickHasher,
    log: kept.options.log,
  });
  onTestFinished(() => kith[Symbol.asyncDispose]());
  const others = typeof replaced === 'function' ? replaced(kith.useCases) : replaced;
  return toWorld({ ...kith.useCases, ...others }, kept);
};

const toWorld = (application: Application, { log, options }: ReturnType<typeof recording>): World => {
  const http = createHttp(application, options);

  const send = async (method: string, path: string, sending: Sending = {}): Promise<Answer> =>
    readAnswer(method, path, await http.fetch(toRequest(method, path, sending)));

  const join = async (name: string): Promise<Member> => {
    const answer = await send('POST', '/auth/register', {
      json: { email: `${name}@example.com`, username: name, password },
    });
    expect(answer.status).toBe(201);
    const token = at(answer.json, 'access_token');
    return {
      id: at(answer.json, 'user', 'id'),
      token,
      send: (verb, target, sending) => send(verb, target, { token, ...sending }),
    };
  };

  return {
    application,
    http,
    log,
    send,
    sendOps: async (method, path) => readAnswer(method, path, await http.ops(toRequest(method, path, {}))),
    join,
    joinAsAdmin: async (name) => {
      const member = await join(name);
      expect(await application.setRole(member.id, 'admin')).toMatchObject({ ok: true });
      return member;
    },
  };
};

export const toRequest = (method: string, path: string, sending: Sending): Request => {
  const { token, headers = {}, json, raw } = sending;
  const body = json === undefined ? raw : JSON.stringify(json);
  return new Request(`http://kith.test${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  });
};

/** Reads a response and holds it to what the contract says of all of them. */
export const readAnswer = async (method: string, path: string, response: Response): Promise<Answer> => {
  const { status, headers } = response;
  const text = await response.text();
  // The one place where a token belongs is the answer that hands it out.
  watchOnce('answers', text.replace(/"access_token":"[^"]+"/, '') + JSON.stringify([...headers]));
  const type = headers.get('content-type');
  expect(headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  const isAsset = path.includes('/assets/') && status === 200;
  expect(headers.get('cache-control')).toBe(
    isAsset ? 'public, max-age=31536000, immutable' : 'private, no-store',
  );
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  if (type?.startsWith('text/html')) {
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';/);
    expect(text).not.toMatch(/<script(?! src="[\w./-]+" defer><\/script>)|javascript:|https?:\/\//i);
  }
  expectDocumentedHeaders(method, path, response);
  if (status === 204 || status === 304 || method === 'HEAD') expect(text).toBe('');
  else expect(type).not.toBeNull();
  if (text === '' || type?.startsWith('text/')) return { status, headers, text, json: undefined };

  const json: unknown = JSON.parse(text);
  if (status >= 400) {
    expect(type).toBe('application/problem+json');
    const problem = problemBody.parse(json);
    expect(problem).toMatchObject({
      type: `/problems/${problem.code}`,
      status,
      instance: headers.get('x-request-id'),
    });
  } else {
    expect(type).toBe('application/json');
    const schema = successSchemas(method, path, status);
    if (schema.length > 0) {
      expect(schema.some((candidate) => candidate?.safeParse(json).success)).toBe(true);
    }
  }
  return { status, headers, text, json };
};

/** The rows that a request may be one of. */
const rowsOf = (routes: readonly Route[], method: string, path: string): readonly Route[] =>
  routes.filter((route) => {
    const pattern = new RegExp(`^${route.path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);
    return route.method === method && pattern.test(path.split('?')[0] ?? '');
  });

/** The documented shapes of a route's success. */
const successSchemas = (method: string, path: string, status: number) =>
  rowsOf([...publicRoutes, ...operationsRoutes()], method, path)
    .filter((route) => route.success.status === status)
    .map((route) => route.success.schema)
    .filter((schema) => schema !== undefined);

const documented: unknown = openApi(publicRoutes);
const tellingHeaders = ['etag', 'cache-status', 'location', 'retry-after', 'www-authenticate'];

/** Headers that clients act on are those of the documentation. */
const expectDocumentedHeaders = (method: string, path: string, { status, headers }: Response): void => {
  const [row] = rowsOf(publicRoutes, method, path);
  if (row === undefined) return;
  const response = [
    row.path,
    row.method.toLowerCase(),
    'responses',
    String(status),
    'headers',
  ].reduce<unknown>((json, step) => Object(json)[step], Object(documented).paths);
  const names = Object.keys(Object(response)).map((name) => name.toLowerCase());
  for (const name of tellingHeaders)
    if (headers.has(name)) expect(names, `${path} ${status}`).toContain(name);
};

/** What a problem says of its fields, as `#/pointer code`. */
export const errorsOf = (answer: Answer): readonly string[] =>
  (problemBody.parse(answer.json).errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);

/** Asserts a problem by its status and code. */
export const expectProblem = (answer: Answer, status: number, code: string): void => {
  expect([answer.status, problemBody.parse(answer.json).code]).toEqual([status, code]);
};
