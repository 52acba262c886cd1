import { Fault } from '../../domain/faults.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { problem } from './problems.ts';
import type { Reply } from './reply.ts';

const maxFrames = 5;

/**
 * The problem of an exception. A fault has its own; anything else is a bug of ours: the client learns nothing but the
 * request id, and the log where it was thrown, not its message, which can hold values of users.
 */
export const thrownProblem = (error: unknown, log: Log, requestId: string): Reply => {
  if (error instanceof Fault) return problem(error.code);
  log.error('http.unexpected', {
    requestId,
    error: error instanceof Error ? error.constructor.name : typeof error,
    at: framesOf(error),
  });
  return problem('internal-error');
};

/** Where an error was thrown: the frames of the stack that follow its message. */
const framesOf = (error: unknown): string => {
  if (!(error instanceof Error) || error.stack === undefined) return '';
  const afterMessage = error.stack.slice(error.stack.indexOf(error.message) + error.message.length);
  return afterMessage
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, maxFrames)
    .map((line) => line.trim())
    .join(' < ');
};
