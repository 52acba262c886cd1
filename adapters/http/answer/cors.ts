import type { HeaderList } from './headers.ts';
import type { Reply } from './reply.ts';

const exposed = 'ETag, Location, X-Request-Id, Cache-Status, Retry-After';
// The last three are what tracing in a browser adds to requests (W3C Trace Context and Baggage).
const requestHeaders =
  'Authorization, Content-Type, Cache-Control, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, traceparent, tracestate, baggage';

/** Which other origins' pages may read the answers. Never with credentials (cookies): tokens are sent in a header. */
export type Cors = {
  /** For every response. */
  headers(request: Request): HeaderList;
  /** The reply to a preflight, if the request is one. */
  preflight(request: Request, methods: string): Reply | undefined;
};

const none: Cors = { headers: () => [], preflight: () => undefined };

/** Rules for exactly these origins (`https://app.example`, `capacitor://localhost`); no substring or suffix ever matches. */
export const createCors = (origins: readonly string[]): Cors => {
  if (origins.length === 0) return none;
  const allowed: ReadonlySet<string> = new Set(origins);
  const allowOrigin = (request: Request): HeaderList => {
    const origin = request.headers.get('origin');
    return origin !== null && allowed.has(origin) ? [['access-control-allow-origin', origin]] : [];
  };
  return {
    headers: (request) => {
      const allow = allowOrigin(request);
      return [
        ['vary', 'Origin'],
        ...allow,
        ...(allow.length > 0 ? [['access-control-expose-headers', exposed] as const] : []),
      ];
    },
    preflight: (request, methods) => {
      const { method, headers } = request;
      if (method !== 'OPTIONS' || !headers.has('origin') || !headers.has('access-control-request-method'))
        return undefined;
      return {
        status: 204,
        headers: [
          ['access-control-allow-methods', methods],
          ['access-control-allow-headers', requestHeaders],
          ['access-control-max-age', '600'],
        ],
        body: null,
      };
    },
  };
};
