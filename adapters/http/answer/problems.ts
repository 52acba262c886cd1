import type { AnyFailure, FailureCode } from '../../../domain/failures.ts';
import type { Issue } from '../../../domain/issue.ts';
import { type HeaderList, retryAfter } from './headers.ts';
import { toPointer, toWirePath } from './pointer.ts';
import { type ProblemCode, problemRows } from './problem-table.ts';
import type { Reply } from './reply.ts';

type Particulars = {
  /** Replaces the sentence of the table. Never data of a user. */
  readonly detail?: string;
  readonly issues?: readonly Issue[];
  readonly retryAfterMs?: number;
  readonly headers?: HeaderList;
};

/** Nobody needs more to repair a request; it bounds the answer to one that is wrong on purpose. */
const maxIssues = 50;

/** An RFC 9457 problem. Everything in it comes from the table, from us, or is the name of a field: never a value. */
export const problem = <Code extends ProblemCode>(code: Code, particulars: Particulars = {}): Reply<Code> => {
  const row = problemRows[code];
  const { detail = row.detail, issues, retryAfterMs = row.retryAfterMs, headers = [] } = particulars;
  return {
    problem: code,
    status: row.status,
    headers: [
      ['content-type', 'application/problem+json'],
      ...(row.challenge === undefined ? [] : [['www-authenticate', row.challenge] as const]),
      ...(retryAfterMs === undefined ? [] : [retryAfter(retryAfterMs)]),
      ...headers,
    ],
    body: (requestId, basePath) =>
      JSON.stringify({
        type: `${basePath}/problems/${code}`,
        title: row.title,
        status: row.status,
        detail,
        instance: requestId,
        code,
        ...(issues === undefined ? {} : { errors: issues.slice(0, maxIssues).map(toError) }),
      }),
  };
};

const toError = ({ path, code, detail }: Issue) => ({ pointer: toPointer(path), detail, code });

/** The problems of an input. */
export type InputProblem = 'invalid-input' | 'unknown-field';

/**
 * The problem of an input with these issues: `unknown-field` if there is one, since it may be an attempt at mass
 * assignment.
 */
export const invalidProblem = (issues: readonly Issue[]): Reply<InputProblem> =>
  problem(issues.some(({ code }) => code === 'unknown-field') ? 'unknown-field' : 'invalid-input', {
    issues,
  });

/** A failure with one of these codes. */
export type FailureOf<Code extends FailureCode> = AnyFailure & { readonly code: Code };

/** The problem of a use case's refusal. */
export const failureProblem = <Code extends FailureCode>(
  failure: FailureOf<Code>,
): Reply<Code | InputProblem> => {
  const any: AnyFailure = failure;
  if (any.code === 'invalid-input') {
    return invalidProblem(any.issues.map((issue) => ({ ...issue, path: toWirePath(issue.path) })));
  }
  return problem(failure.code, any.code === 'too-many-attempts' ? { retryAfterMs: any.retryAfterMs } : {});
};
