import type { Log } from '../domain/ports/runtime.ts';

/** Starts work that nobody waits for, under a name that its failure is logged with. Only for work that may be lost. */
export const inBackground = (log: Log, name: string, work: () => Promise<unknown>): void => {
  work().catch((error: unknown) => {
    log.warn('background-task-failed', {
      task: name,
      error: error instanceof Error ? error.name : 'unknown',
    });
  });
};
