import type { Checks } from './checks.ts';
import type { Scene } from './scene.ts';
import type { Runtime } from './server.ts';

/** What one run of a row is given. */
export type Run = {
  readonly runtime: Runtime;
  /** Settings of the servers, beside those of a row. */
  readonly environment: Readonly<Record<string, string>>;
  readonly checks: Checks;
  /** A time of the short form, that of the tests, and of the whole one, that of the report, in milliseconds. */
  readonly pace: (shortMs: number, wholeMs: number) => number;
  /** The scene that rows share whose fault leaves nothing behind. */
  readonly scene: () => Promise<Scene>;
  /** Ended after the run. */
  readonly opened: AsyncDisposableStack;
};

/** One line of the table in docs/faults.md: a fault, what is to be seen in it, and how that is found out. */
export type Row = {
  readonly fault: string;
  /** What a user sees, as a sentence: the name of the test. */
  readonly name: string;
  /** Too long, or too much a matter of measured time, for the tests: only the report runs it. */
  readonly isForReportOnly?: true;
  readonly run: (run: Run) => Promise<void>;
};
