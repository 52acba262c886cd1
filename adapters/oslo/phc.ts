/** What an Argon2 hash costs to make (RFC 9106): memory, passes over it, threads. */
export type Argon2Parameters = {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly threads: number;
};

/** OWASP's minimum for Argon2id; a configuration can only go up from here. */
export const floorParameters: Argon2Parameters = { memoryKiB: 19_456, passes: 2, threads: 1 };

/** What a stored hash may ask of us at most. A row that was tampered with must not buy a gigabyte and a minute. */
export const ceilingParameters: Argon2Parameters = { memoryKiB: 131_072, passes: 10, threads: 4 };

// https://github.com/P-H-C/phc-string-format: salt of 8-64 bytes and tag of 16-64 bytes in base64 without padding.
const phc =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;

/** The parameters of an Argon2id hash in PHC form; `undefined` for any other text and for one above the ceiling. */
export const parsePhc = (text: string): Argon2Parameters | undefined => {
  const [, memoryKiB, passes, threads] = (phc.exec(text) ?? []).map(Number);
  if (memoryKiB === undefined || passes === undefined || threads === undefined) return undefined;
  const parameters = { memoryKiB, passes, threads };
  return isAtMost(parameters, ceilingParameters) ? parameters : undefined;
};

export const isAtMost = (a: Argon2Parameters, b: Argon2Parameters): boolean =>
  a.memoryKiB <= b.memoryKiB && a.passes <= b.passes && a.threads <= b.threads;

/**
 * A hash that no password is known to have, with the given cost: what is verified where there is no account. Its tag is
 * made up, which costs exactly what a true one does.
 */
export const decoyHash = ({ memoryKiB, passes, threads }: Argon2Parameters): string =>
  `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${threads}$a2l0aC1kZWNveS1zYWx0$${'kithdecoy0'.repeat(4)}AAA`;
