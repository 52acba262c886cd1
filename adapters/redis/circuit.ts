import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
} from 'cockatiel';

/**
 * Whether Redis is in use. It opens when tripped and is closed by nothing but a successful probe; users are never the
 * probe, for those who wait for one wait in vain when it fails.
 */
export class Circuit {
  readonly #policy: CircuitBreakerPolicy = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(1),
    // cockatiel counts the pause on the wall clock, which a step back would stretch. The guard counts it itself.
    halfOpenAfter: Number.NEGATIVE_INFINITY,
  });
  #closed = true;

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#closed) return 'closed';
    return this.#policy.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Opens the circuit, from this very turn on; whether it was closed. */
  trip(): boolean {
    if (!this.#closed) return false;
    this.#closed = false;
    this.#policy.execute(() => Promise.reject(new Error('tripped'))).catch(() => undefined);
    return true;
  }

  /** Half-opens the circuit for one probe; whether it closed it. */
  async probe(succeeds: () => Promise<boolean>): Promise<boolean> {
    try {
      await this.#policy.execute(async () => {
        if (!(await succeeds())) throw new Error('probe failed');
      });
      this.#closed = true;
    } catch {
      // Still open: the policy went back to it by itself.
    }
    return this.#closed;
  }
}
