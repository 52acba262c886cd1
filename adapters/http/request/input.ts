import type { z } from 'zod';
import type { Issue, IssueCode } from '../../../domain/issue.ts';
import { fail, ok, type Result } from '../../../domain/result.ts';

/** The value as the schema describes it, or all the issues, none of which repeats a value. */
export const check = <T>(schema: z.ZodType<T>, input: unknown): Result<T, readonly Issue[]> => {
  const outcome = schema.safeParse(input);
  return outcome.success
    ? ok(outcome.data)
    : fail(outcome.error.issues.flatMap((issue) => toIssues(issue, input)));
};

const kinds: Readonly<Record<string, string>> = { string: 'a string', array: 'a list', object: 'an object' };
const codes: Readonly<Record<string, IssueCode>> = {
  too_small: 'too-short',
  too_big: 'too-long',
  invalid_format: 'invalid-format',
};

const toIssues = (issue: z.core.$ZodIssue, input: unknown): readonly Issue[] => {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? '' : step));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      code: 'unknown-field',
      detail: 'no such field is known here',
    }));
  }
  if (issue.code === 'invalid_type') {
    const missing = isMissing(input, path);
    const detail = missing ? 'a value is expected' : `${kinds[issue.expected] ?? 'another type'} is expected`;
    return [{ path, code: missing ? 'required' : 'invalid-type', detail }];
  }
  const code = codes[issue.code];
  // zod's own messages are not shown, since they may repeat a value; those that schemas.ts writes are.
  return [
    {
      path,
      code: code ?? 'invalid-type',
      detail: code === undefined ? 'another value is expected' : issue.message,
    },
  ];
};

const isMissing = (input: unknown, path: readonly (string | number)[]): boolean => {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return true;
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return value === undefined;
};
