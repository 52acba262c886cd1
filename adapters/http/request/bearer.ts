/**
 * The token in `Authorization: Bearer <token>` (RFC 6750, section 2.1); the scheme's case does not matter (RFC 9110,
 * section 11.1). `undefined` if there is none. What follows the scheme is not judged here but by those who made the
 * tokens, so that a bad token is another problem than no token. Two headers arrive joined by a comma; no token has one.
 */
export const bearerToken = (header: string | null): string | undefined => {
  if (header === null) return undefined;
  const text = header.trim();
  const space = text.indexOf(' ');
  if (space === -1 || text.slice(0, space).toLowerCase() !== 'bearer') return undefined;
  return text.slice(space).trimStart();
};
