/**
 * Closes what was opened, in the opposite order. When one thing fails to close, the others are closed all the same. This is
 * the part of `AsyncDisposableStack` that we use: Node 22, on which the built package runs, does not have that class.
 */
export class Closing implements AsyncDisposable {
  #opened: AsyncDisposable[] = [];

  use(resource: AsyncDisposable): void {
    this.#opened.push(resource);
  }

  /** Hands everything over to a new `Closing`; disposing of this one then closes nothing. */
  move(): Closing {
    const moved = new Closing();
    [moved.#opened, this.#opened] = [this.#opened, []];
    return moved;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let resource = this.#opened.pop(); resource !== undefined; resource = this.#opened.pop()) {
      try {
        await resource[Symbol.asyncDispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 1) throw new AggregateError(failures, 'several things failed to close');
    if (failures.length === 1) throw failures[0];
  }
}
