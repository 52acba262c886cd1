import { H3, H3Event } from 'h3';
import type { Application } from '../../application/application.ts';
import type { Freshness, Read } from '../../application/read.ts';
import type { Issue } from '../../domain/issue.ts';
import type { Ids, Log } from '../../domain/ports/runtime.ts';
import type { LimitedRequest, RequestLimits } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { User } from '../../domain/user.ts';
import { freshnessOf } from './answer/conditional.ts';
import type { Cors } from './answer/cors.ts';
import type { CommonProblem, EdgeProblem } from './answer/edge-problems.ts';
import { requestIdOf } from './answer/headers.ts';
import { failureProblem, invalidProblem, problem } from './answer/problems.ts';
import { type Reply, toResponse } from './answer/reply.ts';
import { thrownProblem } from './answer/thrown.ts';
import type { ObserveRequests } from './operations.ts';
import { bearerToken } from './request/bearer.ts';
import { readJsonBody } from './request/body.ts';
import type { OriginOf } from './request/client-address.ts';
import { Deadline } from './request/deadline.ts';
import { guard, isPublicName } from './request/guard.ts';
import { check } from './request/input.ts';
import { parseQuery } from './request/query.ts';
import type { Call, Route } from './route.ts';
import { type RoutesOfPath, routesByPath } from './routing.ts';
import { noQuery } from './wire/schemas.ts';

/** What an app needs beside its routes. */
export type AppContext = {
  readonly application: Application;
  readonly log: Log;
  readonly ids: Pick<Ids, 'uuid'>;
  readonly cors: Cors;
  /** What stands in front of our paths for clients: `/kith`, or nothing. */
  readonly basePath: string;
  readonly originOf: OriginOf;
  readonly limits: RequestLimits;
  readonly requestDeadlineMs: number;
  readonly whyNotReady: Call['whyNotReady'];
  readonly isClosed: () => boolean;
  /** Whether only operators in the same network are meant to ask; they need no token. */
  readonly isPrivate?: boolean;
  readonly observe: ObserveRequests;
};

/** A request that is being answered. If its time is over, `stage` says whether it was still arriving. */
type Visit = {
  readonly request: Request;
  readonly requestId: string;
  readonly search: string;
  readonly parameters: Readonly<Record<string, string>>;
  stage: 'receiving' | 'answering';
};

/**
 * A table of routes as a function of requests. The order is: guard, path, method, limit, authentication, role, query,
 * body, use case. Of h3 only the router is used, because h3 drops the headers of middleware on errors, lets any thrown
 * error choose status and headers, repeats the URL in a 404, and answers 404 to a wrong method. It also no longer
 * recognises our responses when a host has replaced the global `Response`, as @hono/node-server does when it starts.
 */
export const createApp = (
  routes: readonly Route[],
  context: AppContext,
): ((request: Request) => Promise<Response>) => {
  const { application, cors, basePath } = context;
  const unrouted = context.observe('other', 'other');
  const deadline = new Deadline(context.requestDeadlineMs);
  const router = new H3();

  const newId = (request: Request): string => requestIdOf(request, context.ids.uuid);

  const respond = (request: Request, requestId: string, reply: Reply): Response =>
    toResponse(reply, requestId, request.method, cors.headers(request), basePath);

  const refuse = async (request: Request, requestId: string, reply: Reply): Promise<Response> => {
    unrouted.answered(reply.status, 0);
    return respond(request, requestId, reply);
  };

  const serve = (visit: Visit, rows: ObservedRows): Promise<Response> => {
    const { request } = visit;
    const startedAtMs = performance.now();
    const observed = rows.observers.get(request.method) ?? unrouted;
    const work = observed.trace(request, () =>
      answer(visit, rows).catch(
        (error: unknown): Reply<CommonProblem> => thrownProblem(error, context.log, visit.requestId),
      ),
    );
    const late = (): Reply<CommonProblem | EdgeProblem<'body'>> =>
      problem(visit.stage === 'receiving' ? 'request-timeout' : 'deadline-exceeded');
    return deadline.meet(work, startedAtMs, late).then((reply) => {
      observed.answered(reply.status, performance.now() - startedAtMs);
      return respond(request, visit.requestId, reply);
    });
  };

  const answer = async (visit: Visit, rows: RoutesOfPath): Promise<Reply> => {
    const { request } = visit;
    const preflight = cors.preflight(request, rows.allow);
    if (preflight !== undefined) return preflight;
    const route = rows.byMethod.get(request.method);
    if (route === undefined) return problem('method-not-allowed', { headers: [['allow', rows.allow]] });

    const call: Call = {
      application,
      header: (name) => request.headers.get(name),
      parameter: (name) => visit.parameters[name] ?? '',
      whyNotReady: context.whyNotReady,
      basePath,
      freshness: freshnessOf(request),
      // Only these routes use the address, and to read it takes time, so the others go without.
      origin: (route.body ?? route.limited) ? context.originOf(request) : undefined,
    };
    const refused =
      route.limited && route.limitedWith === undefined ? await take(route.limited, call) : undefined;
    if (refused !== undefined) return refused;
    if (route.access === 'none') {
      const input = await readInput(visit, route);
      return input.ok ? route.run(call, input.value) : input.error;
    }
    const caller = await authenticate(call, route.showsCaller ? call.freshness : 'bounded');
    if (!caller.ok) return caller.error;
    const { value: user, source } = caller.value;
    if (route.access === 'admin' && user.role !== 'admin') return forbidden;
    const input = await readInput(visit, route);
    if (!input.ok) return input.error;
    const refusedLate =
      route.limited && route.limitedWith !== undefined && hasMember(input.value.body, route.limitedWith)
        ? await take(route.limited, call)
        : undefined;
    return refusedLate ?? route.run({ ...call, user, source }, input.value);
  };

  /** Counts a request of an address; the problem if there were too many. */
  const take = async (
    limited: LimitedRequest,
    { origin }: Call,
  ): Promise<Reply<EdgeProblem<'limit'>> | undefined> => {
    // Requests without an address come only from a host that passes none on; a socket always has one.
    const retryAfterMs = origin === undefined ? undefined : await context.limits.take(limited, origin);
    return retryAfterMs === undefined ? undefined : problem('too-many-attempts', { retryAfterMs });
  };

  router.all('/**', ({ req }) => refuse(req, newId(req), problem('not-found')));
  for (const [pattern, routesOfPath] of routesByPath(routes)) {
    const rows = observeRows(routesOfPath, context.observe);
    router.all(pattern, (event) => {
      const request = event.req;
      const requestId = newId(request);
      const parameters = decodeParameters(event.context.params);
      // h3 ignores a slash at the end of a path; here it is another path, and there is nothing at it.
      const { pathname, search } = event.url;
      if (parameters === undefined || (pathname.endsWith('/') && pathname !== '/')) {
        return refuse(request, requestId, problem('not-found'));
      }
      return serve({ request, requestId, search, parameters, stage: 'answering' }, rows);
    });
  }

  const refuseClosed = (request: Request): Promise<Response> => {
    context.log.warn('used-after-close', {
      hint: 'Kith was closed, and the program goes on sending requests to it',
    });
    return refuse(request, newId(request), problem('closed'));
  };

  return (request) => {
    try {
      if (context.isClosed()) return refuseClosed(request);
      const flaw: CommonProblem | undefined =
        guard(request) ?? (context.isPrivate && isPublicName(request) ? 'bad-host' : undefined);
      if (flaw !== undefined) return refuse(request, newId(request), problem(flaw));
      const event = new H3Event(request);
      if (basePath !== '') event.url.pathname = withoutBase(event.url.pathname, basePath);
      // h3 says `unknown`, but all of its handlers are those above, which return this.
      return router.handler(event) as Promise<Response>;
    } catch (error) {
      const requestId = newId(request);
      return refuse(request, requestId, thrownProblem(error, context.log, requestId));
    }
  };
};

/** Some proxies take the base away themselves, and health checks go past them: so what is not under it stays as it is. */
const withoutBase = (path: string, basePath: string): string =>
  path === basePath || path.startsWith(`${basePath}/`) ? path.slice(basePath.length) || '/' : path;

const forbidden: Reply<EdgeProblem<'admin'>> = problem('forbidden');

type ObservedRows = RoutesOfPath & { readonly observers: ReadonlyMap<string, ReturnType<ObserveRequests>> };

/** HEAD counts as the GET that it is. */
const observeRows = (rows: RoutesOfPath, observe: ObserveRequests): ObservedRows => {
  const byRoute = new Map<Route, ReturnType<ObserveRequests>>();
  const observers = new Map<string, ReturnType<ObserveRequests>>();
  for (const [method, route] of rows.byMethod) {
    const observer = byRoute.get(route) ?? observe(route.method, route.path);
    byRoute.set(route, observer);
    observers.set(method, observer);
  }
  return { ...rows, observers };
};

const authenticate = async (
  call: Call,
  freshness: Freshness,
): Promise<Result<Read<User>, Reply<CommonProblem | EdgeProblem<'token' | 'caller'>>>> => {
  const token = bearerToken(call.header('authorization'));
  if (token === undefined) return fail(problem('unauthenticated'));
  const caller = await call.application.authenticate(token, freshness);
  return caller.ok ? caller : fail(failureProblem(caller.error));
};

type Inputs = Result<{ query: unknown; body: unknown }, Reply<CommonProblem | EdgeProblem<'body'>>>;

/** The query and the body, parsed but not yet held to a schema. A body that the route does not take is never read. */
const readInput = (visit: Visit, route: Route): Inputs | Promise<Inputs> => {
  const query = readQuery(visit.search, route);
  if (!query.ok) return fail(invalidProblem(query.error));
  return route.body === undefined
    ? ok({ query: query.value, body: undefined })
    : readBody(visit, query.value);
};

const readBody = async (visit: Visit, query: unknown): Promise<Inputs> => {
  visit.stage = 'receiving';
  const body = await readJsonBody(visit.request);
  visit.stage = 'answering';
  return body.ok ? ok({ query, body: body.value }) : body;
};

const hasMember = (body: unknown, name: string): boolean =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, name);

const readQuery = (search: string, route: Route): Result<unknown, readonly Issue[]> => {
  const query = parseQuery(search);
  return query.ok && route.query === undefined && search !== '' ? check(noQuery, query.value) : query;
};

const noParameters: Readonly<Record<string, string>> = {};

/** The segments of the path, decoded; `undefined` if one cannot be. An encoded slash stays inside its segment. */
const decodeParameters = (parameters: Readonly<Record<string, string>> | undefined) => {
  if (parameters === undefined) return noParameters;
  try {
    return Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
  } catch {
    return undefined;
  }
};
