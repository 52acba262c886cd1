import { Overloaded } from '../../domain/faults.ts';

/** How long one waits for a lock, as PostgreSQL's `lock_timeout` does, and how many may wait for one. */
const maxWaitMs = 1000;
const maxWaiting = 1000;

type Line = { holder: symbol; readonly waiting: { readonly owner: symbol; readonly grant: () => void }[] };

/**
 * Named locks, each held by one owner until that releases all of its own, handed on in order of arrival. A wait that is
 * too long ends in `Overloaded`, which also ends the wait of two that wait for each other.
 */
export class MemoryLocks {
  readonly #lines = new Map<string, Line>();

  async acquire(name: string, owner: symbol): Promise<void> {
    const line = this.#lines.get(name);
    if (line === undefined) {
      this.#lines.set(name, { holder: owner, waiting: [] });
      return;
    }
    if (line.holder === owner) return;
    if (line.waiting.length >= maxWaiting) throw new Overloaded('too many wait for a row');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const place = { owner, grant: resolve };
    line.waiting.push(place);
    const timer = setTimeout(() => {
      line.waiting.splice(line.waiting.indexOf(place), 1);
      reject(new Overloaded('the wait for a row took too long'));
    }, maxWaitMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  holds(name: string, owner: symbol): boolean {
    return this.#lines.get(name)?.holder === owner;
  }

  releaseAll(owner: symbol): void {
    for (const [name, line] of this.#lines) {
      if (line.holder !== owner) continue;
      const next = line.waiting.shift();
      if (next === undefined) {
        this.#lines.delete(name);
      } else {
        line.holder = next.owner;
        next.grant();
      }
    }
  }
}
