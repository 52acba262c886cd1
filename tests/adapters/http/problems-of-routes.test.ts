import { describe, expect, it } from 'vitest';
import { edgeProblems } from '../../../adapters/http/answer/edge-problems.ts';
import { isProblemCode, problemRows } from '../../../adapters/http/answer/problem-table.ts';
import { createHttp, type HttpOptions } from '../../../adapters/http/http.ts';
import { openApi } from '../../../adapters/http/pages/openapi.ts';
import type { NotReady, Route } from '../../../adapters/http/route.ts';
import { operationsRoutes, publicRoutes } from '../../../adapters/http/routes/routes.ts';
import { problemBody } from '../../../adapters/http/wire/representations.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import type { Application } from '../../../application/application.ts';
import {
  Closed,
  DatabaseUnavailable,
  type Fault,
  type FaultCode,
  OutcomeUnknown,
  Overloaded,
  WriteConflict,
} from '../../../domain/faults.ts';
import { fail } from '../../../domain/result.ts';
import { silentLog } from '../mikro-orm/support.ts';
import { openWorld, password, readAnswer, type Sending, toRequest } from './world.ts';

type UseCase = keyof Application;
type CodeOf<Answer> = Answer extends { readonly ok: false; readonly error: { readonly code: infer Code } }
  ? Code
  : never;
/** The failures of every use case: neither fewer nor more than application.ts says compile. */
type Failures = {
  readonly [Name in UseCase]: { readonly [Code in CodeOf<Awaited<ReturnType<Application[Name]>>>]: true };
};

const input = { 'invalid-input': true } as const;
const taken = { 'email-taken': true, 'username-taken': true, 'phone-taken': true } as const;
const noUser = { 'user-not-found': true } as const;
const noContact = { 'contact-not-found': true } as const;
const guess = { 'wrong-password': true, 'too-many-attempts': true } as const;
const version = { 'version-conflict': true } as const;
const uncached = { 'not-cached': true } as const;
const lastAdmin = { 'last-admin': true } as const;

const failures: Failures = {
  register: { ...input, ...taken },
  logIn: { ...input, 'invalid-credentials': true, 'too-many-attempts': true },
  authenticate: { 'invalid-token': true, ...uncached },
  changeProfile: { ...input, ...taken, ...noUser, ...guess, ...version },
  changePassword: { ...input, ...noUser, ...guess, ...version },
  signOutEverywhere: noUser,
  deactivateSelf: { ...noUser, ...guess, ...lastAdmin },
  getUser: { ...noUser, ...uncached },
  getProfile: { ...noUser, ...uncached },
  lookUpUsers: input,
  deactivateUser: { ...noUser, ...lastAdmin },
  reactivateUser: { ...noUser, ...lastAdmin },
  setRole: { ...input, ...noUser, ...lastAdmin, ...version },
  addContact: { ...input, ...noUser, 'contact-limit': true, 'idempotency-key-reused': true },
  getContact: { ...noContact, ...uncached },
  listContacts: { ...input, ...uncached },
  changeContact: { ...input, ...noUser, ...noContact, ...version },
  removeContact: { ...noUser, ...noContact, ...version },
  explainCache: noUser,
  invalidateUser: noUser,
  invalidateContacts: noUser,
  invalidateContact: { ...noUser, ...noContact },
  getCacheStatus: {},
  getStatistics: {},
  checkReadiness: {},
};

const faults: Readonly<Record<FaultCode, Fault>> = {
  'database-unavailable': new DatabaseUnavailable('planted'),
  closed: new Closed(),
  'outcome-unknown': new OutcomeUnknown('planted'),
  'write-conflict': new WriteConflict('planted'),
  overloaded: new Overloaded('planted'),
};

const isUseCase = (name: string): name is UseCase => Object.hasOwn(failures, name);
const useCases = Object.keys(failures).filter(isUseCase);

/** A body that each route accepts. */
const bodies: Readonly<Record<string, object>> = {
  register: { email: 'new@example.com', username: 'new', password },
  logIn: { identifier: 'ada', password },
  changeProfile: { name: 'Ada', current_password: password },
  changePassword: { current_password: password, new_password: 'another horse battery' },
  deactivateSelf: { password },
  addContact: { first_name: 'Grace' },
  changeContact: { notes: 'x' },
  lookUpUsers: {},
  setRole: { role: 'user' },
};

/** Longer than a request takes, and shorter than a test may. */
const shortDeadlineMs = 100;

/** The real Kith, whose use cases can be made to answer something else, and which tells those that were asked. */
const openForced = async () => {
  const asked = new Set<string>();
  const state: { notReady: NotReady | undefined; isLimited: boolean } = {
    notReady: undefined,
    isLimited: false,
  };
  let force: (useCase: string, real: () => unknown) => unknown = (_, real) => real();
  const forcing: ProxyHandler<Application> = {
    get: (application, name) => {
      const useCase: (...input: readonly unknown[]) => unknown = Reflect.get(application, name);
      return (...input: readonly unknown[]) => {
        asked.add(String(name));
        return force(String(name), () => useCase(...input));
      };
    },
  };
  const options: Partial<HttpOptions> = {
    whyNotReady: () => state.notReady,
    limits: { take: async () => (state.isLimited ? 1000 : undefined) },
  };
  const world = await openWorld((real) => new Proxy(real, forcing), options);
  const hurried = createHttp(world.application, {
    ...options,
    log: silentLog,
    ids: systemIds,
    requestDeadlineMs: shortDeadlineMs,
  });
  const whileForced = async (how: typeof force, send: () => Promise<void>): Promise<void> => {
    const before = force;
    force = how;
    await send();
    force = before;
  };
  return { world, hurried, asked, state, whileForced };
};

const pathOf = (route: Route): string => route.path.replace(/\{\w+\}/g, 'x');

/** A request that comes as far as the use cases of the route. */
const good = (route: Route, token: string): Sending => {
  const json = bodies[route.name];
  return { ...(json && { json }), ...(route.access === 'none' ? {} : { token }) };
};

/** The use cases that answer a route. */
const useCasesOf = async (route: Route): Promise<readonly UseCase[]> => {
  const { world, asked } = await openForced();
  const { token } = await world.joinAsAdmin('ada');
  asked.clear();
  await world.send(route.method, pathOf(route), good(route, token));
  return useCases.filter((name) => asked.has(name));
};

/** Requests of a route that are wrong in every way that HTTP knows. */
const badRequests = (route: Route, request: Sending, memberToken: string): readonly Attempt[] => {
  const path = pathOf(route);
  const { token: _, ...withoutToken } = request;
  const { json: __, ...withoutBody } = request;
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) });
  return [
    { sending: request, path: `${path}?planted=1` },
    { sending: request, path: `${path}?planted=1&planted=2` },
    { sending: { ...request, headers: { host: 'a/b' } } },
    { sending: { ...request, headers: { expect: 'planted' } } },
    { sending: request, more: { runtime: { node: { req: { url: '/a/../b' } } } } },
    { sending: withoutToken },
    ...(route.access === 'none'
      ? []
      : [{ sending: { ...request, token: 'nonsense' } }, { sending: { ...request, token: memberToken } }]),
    ...(route.body === undefined
      ? []
      : [
          { sending: { ...withoutBody, raw: '{' } },
          { sending: { ...withoutBody, raw: ' '.repeat(65_537) } },
          { sending: { ...withoutBody, raw: broken } },
          { sending: { ...withoutBody, raw: '{}', headers: { 'content-type': 'text/plain' } } },
        ]),
  ];
};
type Attempt = { readonly sending: Sending; readonly path?: string; readonly more?: object };

const showsCaller = (route: Route): boolean => route.access !== 'none' && route.showsCaller === true;

/** Every problem that a route can be made to answer with. */
const problemsOf = async (route: Route): Promise<ReadonlySet<string>> => {
  const { world, hurried, state, whileForced } = await openForced();
  const admin = await world.joinAsAdmin('ada');
  const member = await world.join('bob');
  const request = good(route, admin.token);
  const found = new Set<string>();
  const attempt = async ({ sending, path = pathOf(route), more }: Attempt, http = world.http) => {
    const sent = Object.assign(toRequest(route.method, path, sending), { ip: '192.0.2.1' }, more);
    const answer = await readAnswer(route.method, path, await http.fetch(sent));
    if (answer.status >= 400) found.add(problemBody.parse(answer.json).code);
  };

  for (const bad of badRequests(route, request, member.token)) await attempt(bad);
  state.isLimited = true;
  await attempt({ sending: request });
  state.isLimited = false;
  for (const useCase of await useCasesOf(route)) {
    const outcomes = [
      ...Object.keys(failures[useCase])
        // Who calls is taken from a cache alone only where the caller is the answer.
        .filter((code) => code !== 'not-cached' || useCase !== 'authenticate' || showsCaller(route))
        .map((code) => async () => fail({ code, issues: [], retryAfterMs: 0 })),
      ...Object.values(faults).map((fault) => () => Promise.reject(fault)),
      () => Promise.reject(new TypeError('planted')),
    ];
    for (const outcome of outcomes) {
      await whileForced(
        (name, real) => (name === useCase ? outcome() : real()),
        () => attempt({ sending: request }),
      );
    }
  }
  const never = new Promise(() => {});
  await whileForced(
    () => never,
    () => attempt({ sending: request }, hurried),
  );
  if (route.body !== undefined) {
    const { json: _, ...withoutBody } = request;
    const raw = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    await attempt({ sending: { ...withoutBody, raw } }, hurried);
  }
  // At the end, since these are answered by the real use cases, after which the token may be no good any more.
  await attempt({ sending: request });
  for (const why of ['starting', 'shutting-down'] as const) {
    state.notReady = why;
    await attempt({ sending: request });
  }
  return found;
};

/** The problems of a route by OpenAPI, each under the status that it has. */
const documented = (route: Route): readonly string[] => {
  const operation = at(openApi(publicRoutes), 'paths', route.path, route.method.toLowerCase());
  return Object.entries(Object(at(operation, 'responses'))).flatMap(([status, response]) =>
    String(at(response, 'description'))
      .split(', ')
      .filter((code) => isProblemCode(code) && problemRows[code].status === Number(status)),
  );
};

const at = (json: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, step) => Object.getOwnPropertyDescriptor(Object(value), step)?.value, json);

/** What only a use case can cause, by an exception or by taking too long. */
const causedByUseCases: ReadonlySet<string> = new Set([
  ...Object.keys(faults),
  'internal-error',
  'deadline-exceeded',
]);

describe('the problems of a route', () => {
  it.each(publicRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'that OpenAPI lists are those that it answers with: %s',
    async (_, route) => {
      const found = await problemsOf(route);
      const hasUseCase = (await useCasesOf(route)).length > 0;
      const possible = documented(route).filter((code) => hasUseCase || !causedByUseCases.has(code));
      expect([...found].toSorted()).toEqual(possible.toSorted());
      expect(documented(route)).toEqual(expect.arrayContaining([...edgeProblems.always]));
    },
  );
});

describe('the route table', () => {
  const repeated = (routes: readonly Route[]) => {
    const rows = routes.map(({ method, path }) => `${method} ${path}`);
    const names = routes.map(({ name }) => name);
    return [rows, names].flatMap((all) => all.filter((one, index) => all.indexOf(one) !== index));
  };

  it('has each route and each name once', () => {
    for (const routes of [publicRoutes, operationsRoutes()]) expect(repeated(routes)).toEqual([]);
    const [first] = publicRoutes;
    if (first === undefined) throw new Error('no routes');
    expect(repeated([...publicRoutes, { ...first, name: 'planted' }])).toEqual(['POST /auth/register']);
    expect(repeated([...publicRoutes, { ...first, path: '/planted' }])).toEqual(['register']);
  });

  it('has a route for every use case, except those that only hosts need', async () => {
    const reached = new Set<UseCase>();
    for (const route of publicRoutes) for (const useCase of await useCasesOf(route)) reached.add(useCase);
    const unreached = useCases.filter((useCase) => !reached.has(useCase));
    // Over HTTP users are looked up many at once, and the statistics are a part of the cache's status.
    expect(unreached).toEqual(['getUser', 'getStatistics']);
  });
});
