import type { Log, LogFields, Timer } from '../../domain/ports/runtime.ts';

/** Lines of one event in a row before it is rationed, and then one of them each so many milliseconds. */
const burstLines = 10;
const thenEveryMs = 5000;

type Level = keyof Log;
type Ration = { lines: number; held: { level: Level; fields: LogFields; count: number } | undefined };

/**
 * A log that a fault which repeats does not flood: of an event that comes more often than it may, the last line of each
 * five seconds is written, with `repeated`, the number of lines that it stands for. So the last one, which tells how
 * things are now, is never lost, only late.
 */
export const steadyLog = (log: Log, timer: Pick<Timer, 'every'>): Log => {
  const rations = new Map<string, Ration>();

  const write = (level: Level, event: string, fields: LogFields = {}): void => {
    const ration = rations.get(event) ?? { lines: burstLines, held: undefined };
    rations.set(event, ration);
    if (ration.lines > 0) {
      ration.lines--;
      log[level](event, fields);
    } else {
      ration.held = { level, fields, count: (ration.held?.count ?? 0) + 1 };
    }
  };

  timer.every(thenEveryMs, () => {
    for (const [event, ration] of rations) {
      if (ration.held === undefined) ration.lines++;
      else log[ration.held.level](event, { ...ration.held.fields, repeated: ration.held.count });
      ration.held = undefined;
      if (ration.lines >= burstLines) rations.delete(event);
    }
    return Promise.resolve();
  });

  return {
    info: (event, fields) => write('info', event, fields),
    warn: (event, fields) => write('warn', event, fields),
    error: (event, fields) => write('error', event, fields),
  };
};
