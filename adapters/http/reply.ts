import type { Header, HeaderList } from './headers.ts';
import { TextResponse } from './text-response.ts';

/** A text; or the bytes of one that is large, which all who are slow to take it then share. */
export type Body = string | Uint8Array<ArrayBuffer>;

/** An answer before the headers that every response carries. A body that names the request is a function of its id. */
export type Reply = {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Body | null | ((requestId: string) => string);
  /** Whether anybody may keep it, as its own Cache-Control says; nothing else is to be kept by anybody. */
  readonly isPublic?: true;
};

export type Answer = Reply | Promise<Reply>;

const always: HeaderList = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
];
const keptByNobody: Header = ['cache-control', 'private, no-store'];
const jsonType: Header = ['content-type', 'application/json'];

export const json = (status: number, body: object, headers: HeaderList = []): Reply =>
  jsonText(status, JSON.stringify(body), headers);

export const jsonText = (status: number, body: string, headers: HeaderList = []): Reply => ({
  status,
  headers: [jsonType, ...headers],
  body,
});

export const noContent: Reply = { status: 204, headers: [], body: null };

/**
 * The one place where a `Response` is made, so that no error, 304 or preflight can miss a header. HEAD and the statuses
 * that have no content get none.
 */
export const toResponse = (reply: Reply, requestId: string, method: string, more: HeaderList): Response => {
  const headers: Header[] = [['x-request-id', requestId], ...always];
  if (!reply.isPublic) headers.push(keptByNobody);
  headers.push(...reply.headers, ...more);
  const body = typeof reply.body === 'function' ? reply.body(requestId) : reply.body;
  return new TextResponse(method === 'HEAD' ? null : body, reply.status, headers);
};
