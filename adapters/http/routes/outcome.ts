import type { Read } from '../../../application/read.ts';
import type { FailureCode } from '../../../domain/failures.ts';
import type { Result } from '../../../domain/result.ts';
import { cacheStatus, etag, noneMatchNames, type Tagged } from '../answer/conditional.ts';
import type { Header } from '../answer/headers.ts';
import { type FailureOf, failureProblem, type InputProblem, problem } from '../answer/problems.ts';
import { json, jsonText, noContent, type Reply } from '../answer/reply.ts';
import type { Call } from '../route.ts';

/** The reply to a use case's result. */
export const replyTo = <T, Code extends FailureCode>(
  result: Result<T, FailureOf<Code>>,
  reply: (value: T) => Reply<never>,
): Reply<Code | InputProblem> => (result.ok ? reply(result.value) : failureProblem(result.error));

/**
 * The reply to the result of what callers do with their own data. A caller who is not found was deactivated after the
 * token was checked. So the problem is that the token is not valid any more.
 */
export const replyToCaller = <T, Code extends FailureCode>(
  result: Result<T, FailureOf<Code>>,
  reply: (value: T) => Reply<never>,
): Reply<Exclude<Code, 'user-not-found'> | InputProblem | 'invalid-token'> => {
  if (result.ok) return reply(result.value);
  return isOfSomebody(result.error) ? failureProblem(result.error) : problem('invalid-token');
};

const isOfSomebody = <Code extends FailureCode>(
  failure: FailureOf<Code>,
): failure is FailureOf<Exclude<Code, 'user-not-found'>> => failure.code !== 'user-not-found';

export const replyNothing = (): Reply<never> => noContent;

/** A resource that was just written, with its new ETag. */
export const written = (resource: Tagged, body: object): Reply<never> =>
  json(200, body, [['etag', etag(resource)]]);

/** A representation as JSON. */
export type ToText<T> = (read: Read<T>) => string;

/**
 * A representation as JSON. For a value that the memory holds it is made only once, since such a value is frozen,
 * shared by all readers, and asked for again. The text is freed together with the value.
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
export const readReply = <T extends Tagged>(call: Call, read: Read<T>, toText: ToText<T>): Reply<never> => {
  const { value, source } = read;
  const headers: readonly Header[] = [
    ['etag', etag(value)],
    ['cache-status', cacheStatus[source]],
  ];
  if (noneMatchNames(call.header('if-none-match'), value)) return { status: 304, headers, body: null };
  return jsonText(200, toText(read), headers);
};
