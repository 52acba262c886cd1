import type { RecentEvent } from '../../application/operations/live-state.ts';
import type { Clock, Log, LogFields } from '../../domain/ports/runtime.ts';
import { boundedFields } from './log.ts';

const maxEvents = 100;

/** A log that also keeps its last hundred different events in a row, cut to size as in the log itself, for people who look at the process. */
export class RecentEvents implements Log {
  readonly #log: Log;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #counted: (level: keyof Log) => void;
  #events: RecentEvent[] = [];
  #number = 0;

  constructor(log: Log, clock: Pick<Clock, 'nowMs'>, counted: (level: keyof Log) => void = () => {}) {
    this.#log = log;
    this.#clock = clock;
    this.#counted = counted;
  }

  /** Those after a number, oldest first. */
  since(number: number): readonly RecentEvent[] {
    return this.#events.filter((event) => event.number > number);
  }

  info(event: string, fields?: LogFields): void {
    this.#write('info', event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write('warn', event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write('error', event, fields);
  }

  #write(level: keyof Log, event: string, fields: LogFields = {}): void {
    this.#counted(level);
    // A fault that repeats must not push everything else out.
    const last = this.#events.at(-1);
    const isAgain = last?.event === event && last.level === level;
    if (isAgain) this.#events.pop();
    this.#events.push({
      number: ++this.#number,
      atMs: this.#clock.nowMs(),
      level,
      event,
      fields: boundedFields(fields),
      times: isAgain ? last.times + 1 : 1,
    });
    if (this.#events.length > maxEvents) this.#events = this.#events.slice(-maxEvents);
    this.#log[level](event, fields);
  }
}
