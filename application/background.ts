import { nameOfThrown } from '../domain/faults.ts';
import type { Log } from '../domain/ports/runtime.ts';

/** Starts work that nobody waits for; if it fails, that is logged under `name`. Only for work that may be lost. */
export const inBackground = (log: Log, name: string, work: () => Promise<unknown>): void => {
  work().catch((error: unknown) => {
    log.warn('background-task-failed', { task: name, error: nameOfThrown(error) });
  });
};
