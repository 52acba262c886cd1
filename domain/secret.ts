/**
 * A secret that can be handed on but not looked at: no readable field, `[secret]` when printed or inspected, and an
 * exception when serialised. Having methods, it is not `Cacheable` (ports/cache.ts), so no cache accepts it.
 * `Kind` keeps a password from being passed where a hash is meant.
 */
export class Secret<Kind extends string> {
  static #reveal: (secret: Secret<string>) => string;
  static {
    Secret.#reveal = (secret) => secret.#text;
    // What console.log and assertion messages ask, on Node and on Deno.
    for (const inspect of ['nodejs.util.inspect.custom', 'Deno.customInspect']) {
      Object.defineProperty(Secret.prototype, Symbol.for(inspect), { value: () => '[secret]' });
    }
  }

  /** Only for the compiler, to which secrets of two kinds are two types. */
  declare readonly kind: Kind;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The only way to the text: a reviewer finds every use of a secret by searching for `Secret.reveal`. */
  static reveal(secret: Secret<string>): string {
    return Secret.#reveal(secret);
  }

  toString(): string {
    return '[secret]';
  }

  /** Throws: a secret must not be written out, not even by accident inside a larger object. */
  toJSON(): never {
    throw new TypeError('a secret cannot be serialised');
  }
}

/** A password in plain text, already parsed (NFKC, within its limits). */
export type Password = Secret<'password'>;
/** A PHC string: `$argon2id$v=19$m=...,t=...,p=...$salt$hash`. */
export type PasswordHash = Secret<'password-hash'>;
/** A signed access token in its wire form. */
export type AccessToken = Secret<'access-token'>;
