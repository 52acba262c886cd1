import type { Instance } from './instance.ts';
import type { World } from './world.ts';

/** Where one process runs after the other: each has a memory, a belief and a start of its own. */
export class Place {
  readonly #number: number;
  readonly #world: World;
  readonly #open: (number: number) => Instance;
  #process: Instance | undefined;
  #arrival = Promise.withResolvers<Instance>();

  constructor(number: number, world: World, open: (number: number) => Instance) {
    this.#number = number;
    this.#world = world;
    this.#open = open;
  }

  get process(): Instance | undefined {
    return this.#process;
  }

  /** The process that is here, or the next one. */
  occupied(): Promise<Instance> {
    return this.#arrival.promise;
  }

  /** Resolves when it has started, or is gone; whoever does not wait for that asks it at once. */
  async start(): Promise<void> {
    const process = this.#open(this.#number);
    this.#process = process;
    this.#arrival.resolve(process);
    await Promise.race([process.logReader.start(), process.clock.ended]);
  }

  /** From one moment to the next nobody is here: what is under way there is never answered. The next one comes later. */
  vacate(): void {
    this.#process = undefined;
    this.#arrival = Promise.withResolvers();
    this.#world.endProcess(this.#number);
  }

  /** In order: until it has left the list, it is asked as before. */
  async end(): Promise<void> {
    await this.#process?.logReader[Symbol.asyncDispose]();
    this.vacate();
  }
}
