import { createHmac } from 'node:crypto';
import { type CounterKey, type Counters, counterKey } from '../../domain/attempts.ts';
import type { AttemptCounters } from '../../domain/ports/persistence.ts';
import type { Guess, LoginThrottle } from '../../domain/ports/security.ts';
import { Secret } from '../../domain/secret.ts';

export type KeyedThrottleNeeds = {
  readonly attempts: AttemptCounters;
  /** The same in every process. Another key starts all counts anew. */
  readonly throttleKey: Secret<string>;
};

/** Only so much of a name counts. No account has a longer name. */
const maxNameLength = 512;

/**
 * The throttle over counters in the database, where FLUSHALL and a restart do not reset them, and by the database's clock:
 * this process's own decides nothing. Names and origins become an
 * HMAC-SHA256 (RFC 2104): a dump of the table tells nobody who tried to log in where.
 */
export class KeyedThrottle implements LoginThrottle {
  readonly #needs: KeyedThrottleNeeds;

  constructor(needs: KeyedThrottleNeeds) {
    this.#needs = needs;
  }

  admit(guess: Guess): Promise<number | undefined> {
    return this.#needs.attempts.admit(this.#countersOf(guess));
  }

  succeeded(guess: Guess): Promise<void> {
    return this.#needs.attempts.succeeded(this.#countersOf(guess));
  }

  withdraw(guess: Guess): Promise<void> {
    return this.#needs.attempts.withdraw(this.#countersOf(guess));
  }

  #countersOf({ names, origin }: Guess): readonly Counters[] {
    return [...new Set(names.map((name) => name.slice(0, maxNameLength)))].map((name) => ({
      account: this.#key(['account', name]),
      origin: this.#key(['origin', name, origin]),
    }));
  }

  /** JSON keeps the parts apart: no name can end where another's origin begins. */
  #key(parts: readonly string[]): CounterKey {
    const hmac = createHmac('sha256', Secret.reveal(this.#needs.throttleKey)).update(JSON.stringify(parts));
    return counterKey(hmac.digest('base64url'));
  }
}
