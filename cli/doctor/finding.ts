/**
 * One line of the doctor. `bad`: Kith does not work with this, or cannot keep a promise. `warning`: it works, but there are
 * cases in which this does harm. No finding holds a secret.
 */
export type Finding = {
  readonly check: string;
  readonly verdict: 'good' | 'warning' | 'bad';
  readonly found: string;
  /** What to do; with every verdict but `good`. */
  readonly advice?: string;
};

export const good = (check: string, found: string): Finding => ({ check, verdict: 'good', found });

export const warning = (check: string, found: string, advice: string): Finding => ({
  check,
  verdict: 'warning',
  found,
  advice,
});

export const bad = (check: string, found: string, advice: string): Finding => ({
  check,
  verdict: 'bad',
  found,
  advice,
});

/** The sample in the middle; of two in the middle, the greater. */
export const median = (samples: readonly number[]): number =>
  samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;

export const inMs = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

export const inMiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
