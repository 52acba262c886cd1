import type { LogFields } from '../../domain/ports/runtime.ts';

const maxFrames = 8;

/**
 * What may be logged of an error that nobody expected: its class, its code and where it came from. Never its message:
 * drivers put connection URLs and rows into theirs.
 */
export const describeError = (error: unknown): LogFields => {
  if (!(error instanceof Error)) return { error: typeof error };
  const code: LogFields = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { error: error.constructor.name, ...code, at: frames(error) };
};

// `at name (file:line:column)`, in a file: a message of several lines may hold text that looks like a frame.
const frame = /^ +at (?:[^()]* \()?(?:file:\/\/|node:|ext:|\/|[A-Za-z]:\\)[^()]*:\d+:\d+\)?$/;

const frames = ({ stack = '', message }: Error): string =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => frame.test(line))
    .slice(0, maxFrames)
    .map((line) => line.trim().slice('at '.length))
    .join(' < ');
