import type { Message, MessageCode } from '../../adapters/system/messages.ts';
import { type FindingCode, type FindingRow, type FindingValues, findingRows } from './finding-table.ts';

/**
 * One line of the doctor. `bad`: Kith does not work with this, or cannot keep a promise. `warning`: it works, but there are
 * cases in which this does harm. No finding holds a secret.
 */
export type Finding = {
  readonly check: string;
  readonly verdict: 'good' | 'warning' | 'bad';
  readonly found: string;
  /** What to do, and the code by which it can be looked up; with every verdict but `good`. */
  readonly advice?: string;
  readonly code?: FindingCode | MessageCode;
};

export const good = (check: string, found: string): Finding => ({ check, verdict: 'good', found });

/** What is not good, by its row of the table. */
export const finding = <Code extends FindingCode>(
  check: string,
  code: Code,
  values: FindingValues[Code],
): Finding => {
  const { verdict, found, advice }: FindingRow<FindingValues[Code]> = findingRows[code];
  return { check, verdict, found: found(values), advice: advice(values), code };
};

/** What a start would say as well. */
export const ofMessage = (
  check: string,
  verdict: 'warning' | 'bad',
  { code, what, todo }: Message,
): Finding => ({ check, verdict, found: what, advice: todo, code });

/** The sample in the middle; of two in the middle, the greater. */
export const median = (samples: readonly number[]): number =>
  samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;

export const inMs = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

export const inMiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
