import type { ServerRequest } from 'srvx';
import { fail, type Result } from '../../../domain/result.ts';
import type { EdgeProblem } from '../answer/edge-problems.ts';
import { problem } from '../answer/problems.ts';
import type { Reply } from '../answer/reply.ts';
import { readBytes } from './bytes.ts';
import { parseJson } from './json.ts';

const maxBodyBytes = 64 * 1024;

const jsonType = /^application\/json[ \t]*(?:;|$)/i;
const charset = /;[ \t]*charset[ \t]*=[ \t]*"?([^";\s]*)"?/i;

/** The JSON value of a request's body, or the problem with it. */
export const readJsonBody = async (
  request: ServerRequest,
): Promise<Result<unknown, Reply<EdgeProblem<'body'>>>> => {
  const type = request.headers.get('content-type');
  if (type !== null && !isJsonInUtf8(type)) return fail(problem('unsupported-media-type'));
  const coding = request.headers.get('content-encoding');
  // A compressed body would be a way around the limit.
  if (coding !== null && coding.toLowerCase() !== 'identity') {
    return fail(problem('unsupported-media-type', { headers: [['accept-encoding', 'identity']] }));
  }
  if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes)
    return fail(problem('body-too-large'));
  const bytes = await readBytes(request, maxBodyBytes);
  if (!bytes.ok) return fail(problem(bytes.error));
  if (bytes.value.length === 0) return fail(problem('malformed-json', { detail: 'A body is expected.' }));
  if (type === null) return fail(problem('unsupported-media-type'));
  const text = decode(bytes.value);
  if (text === undefined) return fail(problem('malformed-json', { detail: 'The body is not valid UTF-8.' }));
  const value = parseJson(text);
  return value.ok ? value : fail(problem('malformed-json', { detail: value.error }));
};

const isJsonInUtf8 = (type: string): boolean =>
  jsonType.test(type) && /^utf-?8$/i.test(charset.exec(type)?.[1] ?? 'utf-8');

const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
