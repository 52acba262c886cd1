/**
 * What was opened, closed in the opposite order, each thing also when another failed to close. It is the part that we use
 * of `AsyncDisposableStack`, which Node 22 does not have, and the built package runs there.
 */
export class Closing implements AsyncDisposable {
  #opened: AsyncDisposable[] = [];

  use(resource: AsyncDisposable): void {
    this.#opened.push(resource);
  }

  /** Everything, in a new one; disposing this one then closes nothing. */
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
