/** One thing that a row asserts: what came out, what it was allowed to be, and whether it was. */
export type Check = {
  readonly what: string;
  readonly value: string;
  readonly limit: string;
  readonly isMet: boolean;
};

/**
 * What one run of a row found. Everything is measured before anything is judged, so that the report of a row that is not
 * met is as complete as that of one that is.
 */
export class Checks {
  readonly all: Check[] = [];
  readonly #slack: number;

  /** Limits of time are multiplied by `slack`: 1 for the report, more where a strange machine is busy with other tests. */
  constructor(slack: number) {
    this.#slack = slack;
  }

  get isMet(): boolean {
    return this.all.length > 0 && this.all.every(({ isMet }) => isMet);
  }

  /** `limit` says what a bound is made of that another run has another of. */
  atMostMs(what: string, ms: number, limitMs: number, limit?: string): void {
    const isMet = ms <= limitMs * this.#slack;
    const shown = isMet && limit !== undefined ? limit : `at most ${round(limitMs)} ms`;
    this.#add(what, `${round(ms)} ms`, shown, isMet);
  }

  /**
   * A bound relative to what the database took in the same run. Only the report judges it: a test has a few hundred reads,
   * of which one pause of a busy machine hits four, so that their 99th percentile is that pause.
   */
  atMostMsOver(what: string, ms: number, referenceMs: number, moreMs: number): void {
    if (this.#slack > 1) return;
    const isMet = ms <= referenceMs + moreMs;
    this.#add(what, `${round(ms)} ms (database ${round(referenceMs)} ms)`, `database + ${moreMs} ms`, isMet);
  }

  none(what: string, found: readonly unknown[]): void {
    const shown = [...new Set(found.map(String))].slice(0, 3).join('; ');
    this.#add(what, found.length === 0 ? '0' : `${found.length} (${shown})`, '0', found.length === 0);
  }

  atMost(what: string, value: number, maximum: number): void {
    this.#add(what, `${value}`, `at most ${maximum}`, value <= maximum);
  }

  is(what: string, value: unknown, expected: unknown): void {
    this.#add(what, `${value}`, `${expected}`, value === expected);
  }

  atLeast(what: string, value: number, minimum: number): void {
    this.#add(what, `${value}`, `at least ${minimum}`, value >= minimum);
  }

  holds(what: string, holds: boolean): void {
    this.#add(what, holds ? 'yes' : 'no', 'yes', holds);
  }

  #add(what: string, value: string, limit: string, isMet: boolean): void {
    this.all.push({ what, value, limit, isMet });
  }
}

const round = (ms: number): number => (ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms));

/** The value below which that share of the values lies. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
};
