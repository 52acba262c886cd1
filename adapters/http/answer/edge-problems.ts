/**
 * The problems that HTTP itself answers with, before a handler runs or after it threw, by the part that does. Each list
 * is both the type of what its part may answer (in app.ts) and what OpenAPI shows for the routes that have the part, so
 * a problem that is on no list does not compile. The order is the one in OpenAPI.
 */
export const edgeProblems = {
  /** Every route: the guard, the query (no unknown parameter, and none twice), exceptions, the deadline. */
  always: [
    'bad-host',
    'bad-target',
    'expectation-failed',
    'invalid-input',
    'unknown-field',
    'internal-error',
    'database-unavailable',
    'closed',
    'outcome-unknown',
    'write-conflict',
    'overloaded',
    'deadline-exceeded',
  ],
  /** Routes that need a token. */
  token: ['unauthenticated', 'invalid-token'],
  /** Routes whose answer is the caller, if it comes from a cache or not at all. */
  caller: ['not-cached'],
  /** Routes for administrators. */
  admin: ['forbidden'],
  /** Routes that take a body. */
  body: ['malformed-json', 'incomplete-body', 'request-timeout', 'body-too-large', 'unsupported-media-type'],
  /** Routes with a limit per address. */
  limit: ['too-many-attempts'],
} as const;

/** What one part answers with. */
export type EdgeProblem<Part extends keyof typeof edgeProblems> = (typeof edgeProblems)[Part][number];

/** What no row of the table has to list. */
export type CommonProblem = EdgeProblem<'always'>;
