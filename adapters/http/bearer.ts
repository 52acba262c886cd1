/**
 * The token in `Authorization: Bearer <token>` (RFC 6750, section 2.1); the scheme's case does not matter (RFC 9110,
 * section 11.1). `undefined` if there is none, which is something else than one that is no good: whatever else the header
 * says is for the one who made the tokens to judge. A second header arrives joined with a comma, which is in no token.
 */
export const bearerToken = (header: string | null): string | undefined => {
  if (header === null) return undefined;
  const text = header.trim();
  const space = text.indexOf(' ');
  if (space === -1 || text.slice(0, space).toLowerCase() !== 'bearer') return undefined;
  return text.slice(space).trimStart();
};
