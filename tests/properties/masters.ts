/**
 * Of two Redis servers that are both alive: to which one each instance sends its commands, and on which one it has
 * subscribed. A slot that moves and a fail-over without an end of the old master look like this: nobody moves at the same
 * time as the others.
 */
export class Masters {
  readonly #commands = new Set<number>();
  readonly #buses = new Set<number>();

  /** Without its bus, an instance hears what is published on the first server and publishes on the second. */
  move(instance: number, isWithBus: boolean): void {
    this.#commands.add(instance);
    if (isWithBus) this.#buses.add(instance);
  }

  hasMoved(instance: number): boolean {
    return this.#commands.has(instance);
  }

  /** Whether what one instance publishes gets to another one's subscription. */
  isHeard(from: number, by: number): boolean {
    return this.#commands.has(from) === this.#buses.has(by);
  }

  /** Whether both instances have one master again, and hear each other. */
  get isOneAgain(): boolean {
    return this.#commands.size === 2 && this.#buses.size === 2;
  }
}
