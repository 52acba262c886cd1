import type { Context, Row, Verdict } from './benchmark.ts';

/** A part of a benchmark that measures several things. */
export type Part = { readonly rows: readonly Row[]; readonly verdicts: readonly Verdict[] };

export const target = 'P22';

/** How much of everything, by the form. */
export type Scale = { readonly instances: number; readonly windowMs: number; readonly settleMs: number };

export const scaleOf = ({ short }: Context): Scale =>
  short
    ? { instances: 6, windowMs: 1000, settleMs: 1000 }
    : { instances: 100, windowMs: 4000, settleMs: 1500 };

export const atMost = (wanted: string, most: number, measured: number, unit = ''): Verdict => ({
  target,
  wanted: `${wanted}: at most ${most}${unit}`,
  measured: `${measured.toFixed(1)}${unit}`,
  met: measured <= most,
});

/** What could not keep up has measured less than was asked of it: that does not count as met. */
export const unless = (flaw: string | false, verdict: Verdict): Verdict =>
  flaw === false ? verdict : { ...verdict, measured: `${verdict.measured}; ${flaw}`, met: false };
