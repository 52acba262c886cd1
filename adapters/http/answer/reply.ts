import type { Header, HeaderList } from './headers.ts';
import type { ProblemCode } from './problem-table.ts';
import { TextResponse } from './text-response.ts';

/** A text, or for a large one its bytes, which all responses then share however slowly they are taken. */
export type Body = string | Uint8Array<ArrayBuffer>;

/**
 * An answer before the headers that every response carries. A body that names the request is a function of its id.
 * `Code` names the problems that it can be, or `never` if it is none, so that the type of a handler says all its
 * problems.
 */
export type Reply<Code extends ProblemCode = ProblemCode> = {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Body | null | ((requestId: string, basePath: string) => string);
  /** Whether browsers and proxies may keep it; then it brings its own Cache-Control. All others are kept by nobody. */
  readonly isPublic?: true;
  /** Which problem it is, if it is one. */
  readonly problem?: Code;
};

export type Answer<Code extends ProblemCode = ProblemCode> = Reply<Code> | Promise<Reply<Code>>;

const always: HeaderList = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
];
const keptByNobody: Header = ['cache-control', 'private, no-store'];
const jsonType: Header = ['content-type', 'application/json'];

export const json = (status: number, body: object, headers: HeaderList = []): Reply<never> =>
  jsonText(status, JSON.stringify(body), headers);

export const jsonText = (status: number, body: string, headers: HeaderList = []): Reply<never> => ({
  status,
  headers: [jsonType, ...headers],
  body,
});

export const noContent: Reply<never> = { status: 204, headers: [], body: null };

/**
 * The one place where a `Response` is made, so that no error, 304 or preflight can miss a header, nor a path the
 * `basePath` that clients see in front of ours. The answer to HEAD has no body.
 */
export const toResponse = (
  reply: Reply,
  requestId: string,
  method: string,
  more: HeaderList,
  basePath = '',
): Response => {
  const headers: Header[] = [['x-request-id', requestId], ...always];
  if (!reply.isPublic) headers.push(keptByNobody);
  for (const header of reply.headers) {
    headers.push(header[0] === 'location' ? ['location', basePath + header[1]] : header);
  }
  headers.push(...more);
  const body = typeof reply.body === 'function' ? reply.body(requestId, basePath) : reply.body;
  return new TextResponse(method === 'HEAD' ? null : body, reply.status, headers);
};
