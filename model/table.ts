/** The table: cases that must hold, variants that must be refuted, and what is printed of them. */
import type { Result } from './checker.ts';

export type Outcome = {
  readonly isRefuted: boolean;
  /** The length of the shortest trace of a violation, where one is searched for. */
  readonly steps?: number;
  readonly words: string;
  /** How much was looked at. */
  readonly looked: string;
  readonly ms: number;
  readonly trace: readonly string[];
};

export type Case = {
  readonly part: string;
  readonly name: string;
  /** A promise that must hold, or a variant that must be refuted, by a shortest trace of so many steps. */
  readonly expected: 'holds' | { readonly refuted: number | 'by chance' };
  /** Belongs to the short form, which CI runs. */
  readonly short: boolean;
  /** The states that a complete search is known to need, where these are more than the usual bound. */
  readonly needs?: number;
  /** Checks it, storing at most that many states. */
  run(limit: number): Outcome;
};

export const outcomeOf = ({ verdict, depth, states, ms, trace }: Result): Outcome => ({
  isRefuted: verdict === 'refuted',
  ...(verdict === 'refuted' && { steps: depth }),
  words:
    verdict === 'complete'
      ? 'holds'
      : verdict === 'bounded'
        ? `holds to depth ${depth}`
        : `refuted in ${depth}`,
  looked: `${states.toLocaleString('en')} states`,
  ms,
  trace,
});

/** Why the outcome is not the expected one; undefined if it is. */
export const surpriseOf = ({ expected }: Case, { isRefuted, steps }: Outcome): string | undefined => {
  if (expected === 'holds') return isRefuted ? 'must hold' : undefined;
  if (!isRefuted) return 'must be refuted';
  const isKnown = expected.refuted === 'by chance' || expected.refuted === steps;
  return isKnown ? undefined : `must be refuted in ${expected.refuted}`;
};

/** A line of the table as Markdown has them. */
export const rowOf = ({ part, name }: Case, { words, looked, ms }: Outcome): string =>
  `| ${part} | ${name} | ${words} | ${looked} | ${(ms / 1000).toFixed(1)} s |`;

export const head = '| part | case | | looked at | took |\n| --- | --- | --- | --- | --- |';
