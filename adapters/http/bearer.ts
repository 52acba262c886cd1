/** What the Authorization header says: a token, nothing that concerns us, or something that cannot be a token. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' };

const missing: Credentials = { kind: 'missing' };
const malformed: Credentials = { kind: 'malformed' };

/** Longer ones are refused before any work on them. Ours have about 400 characters. */
const maxTokenLength = 4096;

// RFC 6750, section 2.1: b64token. A second Authorization header arrives joined with a comma, which is none.
const token68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Reads `Authorization: Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1). */
export const parseBearer = (header: string | null): Credentials => {
  if (header === null) return missing;
  const text = header.trim();
  const space = text.indexOf(' ');
  const scheme = space === -1 ? text : text.slice(0, space);
  if (scheme.toLowerCase() !== 'bearer') return missing;
  const token = space === -1 ? '' : text.slice(space).trimStart();
  if (token === '') return missing;
  return token.length <= maxTokenLength && token68.test(token) ? { kind: 'token', token } : malformed;
};
