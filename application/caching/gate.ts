/**
 * Whether this process may answer from a cache at all, memory and Redis alike.
 *
 * It may while the beginning of its last answered check of the log is at most the bound ago: it then knows of every change
 * that was visible when that check began. Nothing else opens the gate: no error, no silence, no partial answer, no
 * other process. Two rules close what looks like a gap:
 *
 * - A process that is new, or whose check came late, opens the gate by the second of two checks in a row. The first one
 *   may have taken so long that it was out of date when it was answered.
 * - Ages are the larger of two clocks, so a machine that was suspended does not go on from where it stood still.
 *
 * While the database answers nobody, nothing can change in it. So an *open* gate stays open for a limited time if there is
 * no answer at all, and cached reads go on through a restart of PostgreSQL. A process that is cut off while others are not
 * has that time as its bound instead, until its next answered check. Every answer ends this, an error too: whoever
 * answers a missing right also takes the writes of others. Silence never opens a gate that is closed.
 */
import type { Clock, Moment } from '../../domain/ports/runtime.ts';
import { longestMs, momentOn } from './ages.ts';

export type GateOptions = {
  readonly clock: Clock;
  /** How old the beginning of the last answered check may be, in milliseconds. */
  readonly boundMs: number;
  /** The same while nobody answers; 0: a silent database closes the gate like any other. */
  readonly silentBoundMs: number;
};

export class Gate {
  readonly #options: GateOptions;
  /** The beginning of the last answered check. */
  #last: Moment | undefined;
  /** Whether that check began within the bound of the one before it. */
  #isInARow = false;
  #isSilent = false;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** A check that began then was answered, as a whole. */
  answered(began: Moment): void {
    const before = this.#last;
    this.#isInARow = before !== undefined && longestMs(before, began) <= this.#options.boundMs;
    this.#last = began;
    this.#isSilent = false;
  }

  /** A check was answered by an error. */
  refused(): void {
    this.#isSilent = false;
  }

  /** What was known until now is void: two checks in a row have to be answered again. */
  close(): void {
    this.#last = undefined;
    this.#isInARow = false;
    this.#isSilent = false;
  }

  /** Nobody answered a check. */
  silent(): void {
    if (this.isOpen()) this.#isSilent = true;
  }

  isOpen(now: Moment = momentOn(this.#options.clock)): boolean {
    if (this.#last === undefined || !this.#isInARow) return false;
    const { boundMs, silentBoundMs } = this.#options;
    const limitMs = this.#isSilent ? Math.max(boundMs, silentBoundMs) : boundMs;
    return longestMs(this.#last, now) <= limitMs;
  }

  /** How long ago the last answered check began, in milliseconds; `null` without one. */
  ageMs(): number | null {
    return this.#last === undefined ? null : longestMs(this.#last, momentOn(this.#options.clock));
  }

  /** Whether it is open only because nobody answers. */
  get isWithoutDatabase(): boolean {
    return this.#isSilent && this.isOpen();
  }
}
