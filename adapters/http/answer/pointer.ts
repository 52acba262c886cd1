const maxNameLength = 64;

/**
 * A path from the root of an input as a JSON pointer in a URI fragment (RFC 6901, section 6); the root itself is `#`.
 * A name can come from the client, so its length is bounded.
 */
export const toPointer = (path: readonly (string | number)[]): string =>
  `#${path.map((step) => `/${encodeURIComponent(escapeStep(String(step)))}`).join('')}`;

const escapeStep = (step: string): string =>
  step.slice(0, maxNameLength).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');

/** A path of a use case's issue in the names of the wire: `['avatarUrl']` becomes `['avatar_url']`. */
export const toWirePath = (path: readonly (string | number)[]): readonly (string | number)[] =>
  path.map((step) =>
    typeof step === 'string' ? step.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`) : step,
  );
