import { ok } from '../../../domain/result.ts';
import { invalid, type Parsed } from '../../../domain/text.ts';

// RFC 8941, section 3.3.3.
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** Printable ASCII without spaces, and without what lists, parameters and strings are written with. */
const bare = /^[!#-+\--:<-[\]-~]+$/;

/**
 * The value of Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a string of structured fields, `"abc"`, or as many
 * clients send it, `abc`, which is the same key. Two such headers in one request are none.
 */
export const parseIdempotencyKeyHeader = (header: string | null): Parsed<string | undefined> => {
  if (header === null) return ok(undefined);
  const text = header.trim();
  const [, string] = quoted.exec(text) ?? [];
  if (string !== undefined) return ok(string.replace(/\\(.)/g, '$1'));
  return bare.test(text)
    ? ok(text)
    : invalid('invalid-format', 'one key is expected, like "8e03978e-40d5-43e7-bc93-6894a57f9324"');
};
