import { Fault, type FaultCode } from '../../../domain/faults.ts';
import type { Log } from '../../../domain/ports/runtime.ts';
import { describeError } from '../../system/describe-error.ts';
import { problem } from './problems.ts';
import type { Reply } from './reply.ts';

/**
 * The problem of an exception. A fault has its own problem. Anything else is a bug of ours: the client learns only the
 * request id. The log learns where it was thrown, but not its message, which can hold values of users.
 */
export const thrownProblem = (
  error: unknown,
  log: Log,
  requestId: string,
): Reply<FaultCode | 'internal-error'> => {
  if (error instanceof Fault) return problem(error.code);
  log.error('http.unexpected', { requestId, ...describeError(error) });
  return problem('internal-error');
};
