import type { Measured, Pace, Spread } from './rounds.ts';
import type { Settings } from './subject.ts';

/** What a benchmark is given. */
export type Context = {
  /** With the people that are asked for by one process. */
  readonly settings: Settings;
  /** How many there are, for several processes. */
  readonly population: number;
  readonly pace: Pace;
  /** Only shows that the harness works: few, short rounds and small populations. */
  readonly short: boolean;
  /** For how long the run of memory goes on (`--minutes=10`), where it is to be long. */
  readonly minutes?: number | undefined;
  /** Whether the peers are installed (`npm ci` in bench/peers). */
  readonly peers: boolean;
  /** Empties Redis and resets what a benchmark may have changed in the database. */
  readonly clean: () => Promise<void>;
};

/** One line of a table. */
export type Row = { readonly name: string; readonly cells: readonly (string | number | Spread)[] };

/** A promise of the design with what became of it. */
export type Verdict = {
  /** `P1` ... `P12`. */
  readonly target: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
};

export type Report = {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly verdicts: readonly Verdict[];
};

export type Benchmark = {
  readonly name: string;
  readonly title: string;
  /** How it is measured, and how the peers are configured. */
  readonly about: string;
  readonly run: (context: Context) => Promise<Report>;
};

export const costColumns: readonly string[] = ['CPU per operation, us', 'of the anchor'];

export const costRow = ({ name, cpuUs, ofAnchor }: Measured): Row => ({ name, cells: [cpuUs, ofAnchor] });

export const find = (measured: readonly Measured[], name: string): Measured | undefined =>
  measured.find((one) => one.name === name);

/** A verdict on how many times as much of the anchor's work a contestant does for the same CPU. */
export const atLeast = (
  target: string,
  what: string,
  least: number,
  ratio: number | undefined,
): readonly Verdict[] =>
  ratio === undefined
    ? []
    : [{ target, wanted: `${what}: at least ${least}`, measured: ratio.toFixed(2), met: ratio >= least }];

/** How many times as much work the one does as the other for the same CPU. */
export const timesAsFast = (one: Measured | undefined, other: Measured | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : other.cpuUs.median / one.cpuUs.median;
