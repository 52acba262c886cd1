import { createHash } from 'node:crypto';
import type { Pooling } from './postgres-address.ts';

/**
 * The name under which a statement is prepared: of its text. Numbers would do on connections of one's own. Behind a pooler
 * that hands one connection to several clients, another statement might stand under the same number, and be run in the
 * place of this one.
 */
export const statementName = (text: string): string =>
  `kith-${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;

/**
 * Statements beyond this number are not prepared. There are few different ones, except those whose length depends on how
 * many rows are asked for.
 */
const maxPrepared = 64;

/**
 * The names that all connections of this process prepare statements under. When one is out of date it is so on many of them:
 * all take new names then, under which each of them prepares its statements once more.
 */
export class StatementNames {
  readonly #names = new Map<string, string>();
  #generation = 0;
  #isOff = false;
  readonly #stopped: () => void;

  /** `stopped` is called once, when statements of others were met. */
  constructor(stopped: () => void = () => undefined) {
    this.#stopped = stopped;
  }

  /** `undefined`: the statement is not to be prepared. */
  nameOf(text: string): string | undefined {
    if (this.#isOff) return undefined;
    let name = this.#names.get(text);
    if (name === undefined && this.#names.size < maxPrepared) {
      name = statementName(text) + (this.#generation === 0 ? '' : `-${this.#generation}`);
      this.#names.set(text, name);
    }
    return name;
  }

  /** What stands under a name that was given is out of date. One of another generation was given up before. */
  giveUp(name: string): void {
    if (![...this.#names.values()].includes(name)) return;
    this.#generation++;
    this.#names.clear();
  }

  /** From now on nothing is prepared: connections are not our own, and others prepare theirs on them. */
  stop(): void {
    if (this.#isOff) return;
    this.#isOff = true;
    this.#stopped();
  }
}

/** None, where a connection is another session in each transaction. */
export const namesFor = (
  { pooling }: { readonly pooling?: Pooling | undefined },
  stopped?: () => void,
): StatementNames => {
  const isKnown = pooling === 'transaction';
  const names = new StatementNames(isKnown ? undefined : stopped);
  if (isKnown) names.stop();
  return names;
};
