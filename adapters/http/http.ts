import type { ServerRequest } from 'srvx';
import type { Application } from '../../application/application.ts';
import type { Ids, Log } from '../../domain/ports/runtime.ts';
import type { RequestLimits } from '../../domain/ports/security.ts';
import { createCors } from './answer/cors.ts';
import { TextResponse } from './answer/text-response.ts';
import { createApp } from './app.ts';
import { type ObserveRequests, type Operations, observeNothing } from './operations.ts';
import { createOriginOf } from './request/client-address.ts';
import type { NotReady } from './route.ts';
import { operationsRoutes, publicRoutes } from './routes/routes.ts';

/**
 * Kith over HTTP, for any host that speaks the web standard. Neither function ever rejects.
 * A host that is no `node:http` server sets `ip` on the request, as srvx does, to say where it comes from. Without it
 * there are no limits per address, and all guesses at a password count as guesses from one place.
 */
export type Http = {
  /** The API for everybody. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** What operators see; never meant for the internet. */
  readonly ops: (request: Request) => Promise<Response>;
};

export type HttpOptions = {
  readonly log: Log;
  readonly ids: Pick<Ids, 'uuid'>;
  /** Origins whose pages may call the API, each as a browser sends it (`https://app.example`). None by default. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Addresses and CIDRs whose X-Forwarded-For counts. None by default. */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * What stands in front of our paths for clients, because a proxy or a host hands on what is below it: `/kith`. It may be
   * taken away on the way here or not. Nothing by default.
   */
  readonly basePath?: string | undefined;
  /** How often one address may log in and register. No limits by default. */
  readonly limits?: RequestLimits | undefined;
  /** How long a request may take until it is answered 503 (or 408 if it is still arriving). 8,000 by default. */
  readonly requestDeadlineMs?: number | undefined;
  /** While it has a reason, `/health/ready` is 503 with it, so that a load balancer sends nobody here. */
  readonly whyNotReady?: (() => NotReady | undefined) | undefined;
  /** While true every request is answered `closed`, which the log has too. */
  readonly isClosed?: (() => boolean) | undefined;
  /** What measures and traces requests. Nothing by default. */
  readonly observe?: ObserveRequests | undefined;
  /** What operators see beside health. Nothing by default. */
  readonly operations?: Operations | undefined;
};

/** The contract of the HTTP API over the use cases. */
export const createHttp = (application: Application, options: HttpOptions): Http => {
  const { log, ids, corsOrigins = [], trustedProxies = [], limits = noLimits } = options;
  const {
    basePath = '',
    requestDeadlineMs = 8000,
    whyNotReady = () => undefined,
    observe = observeNothing,
    isClosed = () => false,
  } = options;
  const originOf = createOriginOf(trustedProxies);
  const context = {
    application,
    log,
    ids,
    originOf,
    limits,
    requestDeadlineMs,
    whyNotReady,
    isClosed,
    observe,
  };
  return {
    fetch: forAnyHost(createApp(publicRoutes, { ...context, basePath, cors: createCors(corsOrigins) })),
    ops: forAnyHost(
      createApp(operationsRoutes(options.operations), {
        ...context,
        basePath: '',
        cors: createCors([]),
        isPrivate: true,
      }),
    ),
  };
};

/** Only our own listener can write our own kind of response; its requests are srvx's. Other hosts get a plain one. */
const forAnyHost =
  (app: Http['fetch']): Http['fetch'] =>
  (request: ServerRequest) =>
    request.runtime?.node === undefined ? app(request).then(TextResponse.plain) : app(request);

const noLimits: RequestLimits = { take: async () => undefined };
