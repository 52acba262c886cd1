import type { AnyFailure } from '../../domain/failures.ts';
import type { Issue } from '../../domain/issue.ts';
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

/** More would only help somebody who probes. */
const maxIssues = 50;

/** An RFC 9457 problem. Everything in it comes from the table, from us, or is the name of a field: never a value. */
export const problem = (code: ProblemCode, particulars: Particulars = {}): Reply => {
  const row = problemRows[code];
  const { detail = row.detail, issues, retryAfterMs = row.retryAfterMs, headers = [] } = particulars;
  return {
    status: row.status,
    headers: [
      ['content-type', 'application/problem+json'],
      ...(row.challenge === undefined ? [] : [['www-authenticate', row.challenge] as const]),
      ...(retryAfterMs === undefined ? [] : [retryAfter(retryAfterMs)]),
      ...headers,
    ],
    body: (requestId) =>
      JSON.stringify({
        type: `/problems/${code}`,
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

/** The problem of an input with these issues: an unknown field outranks the rest, it is what mass assignment looks like. */
export const invalidProblem = (issues: readonly Issue[]): Reply =>
  problem(issues.some(({ code }) => code === 'unknown-field') ? 'unknown-field' : 'invalid-input', {
    issues,
  });

/** The problem of a use case's refusal. */
export const failureProblem = (failure: AnyFailure): Reply => {
  if (failure.code === 'invalid-input') {
    return invalidProblem(failure.issues.map((issue) => ({ ...issue, path: toWirePath(issue.path) })));
  }
  if (failure.code === 'too-many-attempts')
    return problem(failure.code, { retryAfterMs: failure.retryAfterMs });
  return problem(failure.code);
};
