export type Header = readonly [name: string, value: string];
export type HeaderList = readonly Header[];

/** Whole seconds, at least one (RFC 9110, section 10.2.3): a client that is told 0 comes back at once. */
export const retryAfter = (ms: number): Header => ['retry-after', String(Math.max(1, Math.ceil(ms / 1000)))];

const validRequestId = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The client's own request id if it is well-formed, or else a new one. Request ids go into logs, where a line break or
 * an escape sequence would be an injection.
 */
export const requestIdOf = (request: Request, fallback: () => string): string => {
  const sent = request.headers.get('x-request-id');
  return sent !== null && validRequestId.test(sent) ? sent : fallback();
};
