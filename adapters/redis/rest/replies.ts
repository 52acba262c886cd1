import { codeOf, NoReply } from '../errors.ts';

/** The reply to one command of a request: what Redis answered, or why there is nothing. */
export type Reply = { readonly result: unknown } | { readonly failure: NoReply };

/** Statuses of HTTP that say all there is to say, whatever the body is. */
const statuses: ReadonlyMap<number, NoReply['code']> = new Map([
  [401, 'auth'],
  [403, 'auth'],
  [413, 'refused'],
  [429, 'limited'],
]);

/** The month's or the day's requests are used up: `ERR max requests limit exceeded. Limit: 500000, Usage: 500001`. */
const isUsedUp = (message: string): boolean => /^ERR max (?:\w+ )?requests? limit/i.test(message);

/**
 * Takes the body of a response apart: a list with `{ "result" }` or `{ "error" }` for each command, in their order; or
 * `{ "error" }` if none was run. Throws `NoReply` where it is anything else, as from a proxy whose Redis is away.
 */
export const repliesIn = (status: number, body: string, commands: number): readonly Reply[] => {
  const code = statuses.get(status);
  if (code !== undefined) throw new NoReply(code);
  const parsed = parse(body);
  if (Array.isArray(parsed) && parsed.length === commands) return parsed.map(replyIn);
  const refusal = errorIn(parsed);
  throw new NoReply(status < 500 && refusal !== undefined ? meant(refusal) : 'gateway');
};

const replyIn = (item: unknown): Reply => {
  const refusal = errorIn(item);
  if (refusal !== undefined) return { failure: new NoReply(meant(refusal)) };
  if (typeof item !== 'object' || item === null || !('result' in item)) throw new NoReply('gateway');
  return { result: item.result };
};

const errorIn = (item: unknown): string | undefined =>
  typeof item === 'object' && item !== null && 'error' in item && typeof item.error === 'string'
    ? item.error
    : undefined;

const meant = (message: string): NoReply['code'] => (isUsedUp(message) ? 'limited' : codeOf(message));

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

/** The whole text of a response. Throws `NoReply` once it is longer than `maxBytes`; the rest is not read. */
export const textOf = async ({ body }: Response, maxBytes: number): Promise<string> => {
  if (body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new NoReply('gateway');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};
