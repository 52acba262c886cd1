import { DeadlineRing } from '../../system/deadline-ring.ts';

/** The time that each of many pieces of work may take, all the same. */
export class Deadline {
  readonly #ms: number;
  readonly #ring = new DeadlineRing(() => performance.now());

  constructor(ms: number) {
    this.#ms = ms;
  }

  /**
   * The value of `work`, which began at `startMs`, or the value of `late()` if the time is over before. `work` must not
   * reject, and it goes on when it is late.
   */
  meet<T>(work: Promise<T>, startMs: number, late: () => T): Promise<T> {
    return new Promise((resolve) => {
      const deadline = this.#ring.add(startMs + this.#ms, () => resolve(late()));
      void work.then((value) => {
        deadline.remove();
        resolve(value);
      });
    });
  }
}
