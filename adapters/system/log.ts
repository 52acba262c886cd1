import type { Clock, Log, LogFields } from '../../domain/ports/runtime.ts';

/** What is written: events of this level and above. `debug` is `info`, for no event is below that. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

export type LogOptions = {
  readonly level: LogLevel;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Takes one line, its line feed included. */
  readonly write: (line: string) => void;
};

const maxFieldCharacters = 1000;
const maxFields = 32;

/**
 * A log of JSON lines: `{"time","level","event",...fields}`. A field is cut at 1,000 characters and an event at 32
 * fields, so that no input can flood the log; JSON escapes line feeds, so that none can forge a line.
 */
export const jsonLog = ({ level, clock, write }: LogOptions): Log => {
  const line = (of: LogLevel, event: string, fields: LogFields): void => {
    if (logLevels.indexOf(of) < logLevels.indexOf(level)) return;
    const head = { time: new Date(clock.nowMs()).toISOString(), level: of, event: bounded(event) };
    const body = boundedFields(fields);
    // The head comes first for the eye, and again at the end because no field may replace it.
    write(`${JSON.stringify({ ...head, ...body, ...head })}\n`);
  };
  return {
    info: (event, fields = {}) => line('info', event, fields),
    warn: (event, fields = {}) => line('warn', event, fields),
    error: (event, fields = {}) => line('error', event, fields),
  };
};

/** Fields cut to size. */
export const boundedFields = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields)
      .slice(0, maxFields)
      .map(([name, value]) => [bounded(name), bounded(value)]),
  );

/** Nothing but primitives goes out, whatever the types were told: an object might hold anything. */
const bounded = (value: unknown): string | number | boolean | null => {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return '[not logged]';
  return value.length <= maxFieldCharacters
    ? value.toWellFormed()
    : `${value.slice(0, maxFieldCharacters).toWellFormed()}...`;
};
