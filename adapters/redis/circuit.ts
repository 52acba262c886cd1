import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
} from 'cockatiel';

/**
 * Whether Redis is in use. It opens when it is tripped, and only a successful probe closes it. No request of a user is
 * ever the probe, because that user would wait in vain if the probe failed.
 */
export class Circuit {
  readonly #policy: CircuitBreakerPolicy = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(1),
    // cockatiel would measure the pause on the wall clock, and a clock that is set back would make it longer. So the
    // guard measures it.
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

  /** Opens the circuit at once. Says whether it was closed before. */
  trip(): boolean {
    if (!this.#closed) return false;
    this.#closed = false;
    this.#policy.execute(() => Promise.reject(new Error('tripped'))).catch(() => undefined);
    return true;
  }

  /** Half-opens the circuit for one probe. Says whether the probe closed it. */
  async probe(succeeds: () => Promise<boolean>): Promise<boolean> {
    try {
      await this.#policy.execute(async () => {
        if (!(await succeeds())) throw new Error('probe failed');
      });
      this.#closed = true;
    } catch {
      // The circuit is open again: the policy does that by itself.
    }
    return this.#closed;
  }
}
