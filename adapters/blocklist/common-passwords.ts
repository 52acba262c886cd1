import { dictionary } from '@zxcvbn-ts/language-common';
import type { PasswordBlocklist } from '../../domain/ports/security.ts';

/**
 * The passwords that people choose most: some 49,000, by frequency in breaches, as zxcvbn-ts collects them. The list is
 * part of the package, so that no password, hash or prefix of one is ever sent to anybody.
 */
export class CommonPasswords implements PasswordBlocklist {
  readonly #entries: ReadonlySet<string>;

  constructor(entries?: readonly string[]) {
    this.#entries = entries === undefined ? commonPasswords() : setOf(entries);
  }

  /** How many different ones there are. */
  get size(): number {
    return this.#entries.size;
  }

  has(password: string): boolean {
    return this.#entries.has(canonical(password));
  }
}

/** First in upper case, so that what is the same there (`ß` and `ss`, both forms of sigma) is the same here. */
const canonical = (password: string): string => password.normalize('NFKC').toUpperCase().toLowerCase();

const setOf = (entries: readonly string[]): ReadonlySet<string> => new Set(entries.map(canonical));

/** One set for the process: it takes 5 MB. */
let shared: ReadonlySet<string> | undefined;

const commonPasswords = (): ReadonlySet<string> => {
  if (shared !== undefined) return shared;
  const entries = dictionary['passwords-common'];
  // If an update of the package moves the list, the start has to fail: nobody would notice an empty list.
  if (!Array.isArray(entries) || entries.length < 3000) throw new Error('the list of passwords is missing');
  shared = setOf(entries);
  return shared;
};
