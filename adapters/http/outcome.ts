import type { Read } from '../../application/read.ts';
import type { AnyFailure } from '../../domain/failures.ts';
import type { Result } from '../../domain/result.ts';
import { cacheStatus, etag, noneMatchNames } from './conditional.ts';
import type { Header } from './headers.ts';
import { failureProblem } from './problems.ts';
import { json, jsonText, noContent, type Reply } from './reply.ts';
import type { Call } from './route.ts';

/** The reply to a use case's result. */
export const replyTo = <T>(result: Result<T, AnyFailure>, reply: (value: T) => Reply): Reply =>
  result.ok ? reply(result.value) : failureProblem(result.error);

/**
 * The reply to the result of what a caller does with their own data. If they are not found, they were deactivated after
 * their token was checked, so it is the token that is no good any more.
 */
export const replyToCaller = <T>(result: Result<T, AnyFailure>, reply: (value: T) => Reply): Reply =>
  !result.ok && result.error.code === 'user-not-found'
    ? failureProblem({ code: 'invalid-token' })
    : replyTo(result, reply);

export const replyNothing = (): Reply => noContent;

/** A resource that was just written, with its new ETag. */
export const written = (version: number, body: object): Reply => json(200, body, [['etag', etag(version)]]);

/** A representation as JSON. */
export type ToText<T> = (read: Read<T>) => string;

/**
 * A representation as JSON that is made once for a value in memory: that one is frozen, shared by everybody who reads it,
 * and asked for again. The text goes when the value does.
 */
export const toText = <T extends object>(toWire: (value: T) => object): ToText<T> => {
  const texts = new WeakMap<T, string>();
  return ({ value, source }) => {
    const known = texts.get(value);
    if (known !== undefined) return known;
    const text = JSON.stringify(toWire(value));
    if (source === 'memory') texts.set(value, text);
    return text;
  };
};

/** A resource that was read: 304 when the client has this very version. */
export const readReply = <T extends { readonly version: number }>(
  call: Call,
  read: Read<T>,
  toText: ToText<T>,
): Reply => {
  const { value, source } = read;
  const headers: readonly Header[] = [
    ['etag', etag(value.version)],
    ['cache-status', cacheStatus[source]],
  ];
  if (noneMatchNames(call.header('if-none-match'), value.version))
    return { status: 304, headers, body: null };
  return jsonText(200, toText(read), headers);
};
