import { availableParallelism } from 'node:os';
import { Argon2id } from 'oslo/password';
import type { PasswordHasher } from '../../domain/ports/security.ts';
import { type Password, type PasswordHash, Secret } from '../../domain/secret.ts';
import { Queue, type QueueLimits } from '../system/queue.ts';
import {
  type Argon2Parameters,
  ceilingParameters,
  decoyHash,
  floorParameters,
  isAtMost,
  parsePhc,
} from './phc.ts';

/** The hash function itself. oslo is deprecated upstream: nothing of it but this shape leaves the folder. */
export type Argon2 = Pick<Argon2id, 'hash' | 'verify'>;

export type HashingOptions = Partial<Argon2Parameters & QueueLimits>;

/**
 * Argon2id in PHC strings. One core stays free for everything else, because each hash holds a thread of the pool that
 * files and DNS need too, and 19 MiB.
 */
export class Argon2PasswordHasher implements PasswordHasher {
  readonly #parameters: Argon2Parameters;
  readonly #argon2: Argon2;
  readonly #queue: Queue;
  readonly #decoy: string;

  /** Throws a `RangeError` for parameters below the floor or above what `verify` would accept. */
  constructor(options: HashingOptions = {}, argon2?: Argon2) {
    const {
      memoryKiB = floorParameters.memoryKiB,
      passes = floorParameters.passes,
      threads = floorParameters.threads,
      maxRunning = Math.max(1, availableParallelism() - 1),
      maxWaiting = 32,
      maxWaitMs = 1000,
    } = options;
    this.#parameters = { memoryKiB, passes, threads };
    if (!isAtMost(floorParameters, this.#parameters) || !isAtMost(this.#parameters, ceilingParameters)) {
      throw new RangeError('argon2 parameters between the floor and the ceiling of phc.ts are expected');
    }
    this.#argon2 =
      argon2 ?? new Argon2id({ memorySize: memoryKiB, iterations: passes, parallelism: threads });
    this.#queue = new Queue({ maxRunning, maxWaiting, maxWaitMs });
    this.#decoy = decoyHash(this.#parameters);
  }

  async hash(password: Password): Promise<PasswordHash> {
    return new Secret(await this.#queue.run(() => this.#argon2.hash(Secret.reveal(password))));
  }

  async verify(hash: PasswordHash | undefined, password: Password | undefined): Promise<boolean> {
    const stored = hash && Secret.reveal(hash);
    const usable = stored !== undefined && password !== undefined && parsePhc(stored) !== undefined;
    // Whatever is missing or refused, the same work is done, so that the time of the answer tells nothing.
    const matches = await this.#queue.run(() =>
      this.#argon2.verify(
        usable ? stored : this.#decoy,
        password === undefined ? '' : Secret.reveal(password),
      ),
    );
    return usable && matches;
  }

  needsRehash(hash: PasswordHash): boolean {
    const parameters = parsePhc(Secret.reveal(hash));
    return parameters === undefined || !isAtMost(this.#parameters, parameters);
  }

  load(): { readonly running: number; readonly waiting: number } {
    return this.#queue.load();
  }
}
