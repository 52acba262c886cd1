import type { Issue } from '../../domain/issue.ts';
import { fail, ok, type Result } from '../../domain/result.ts';

/**
 * The parameters of a query string, each at most once: of two, one parser takes the first and another the last, and a
 * check made on one is then not a check of the other (HTTP parameter pollution).
 */
export const parseQuery = (search: string): Result<Readonly<Record<string, string>>, readonly Issue[]> => {
  if (search.length <= 1) return ok({});
  const parameters = new Map<string, string>();
  const repeated = new Set<string>();
  for (const [name, value] of new URLSearchParams(search)) {
    if (parameters.has(name)) repeated.add(name);
    parameters.set(name, value);
  }
  if (repeated.size === 0) return ok(Object.fromEntries(parameters));
  return fail(
    [...repeated].map((name) => ({ path: [name], code: 'repeated', detail: 'once at most is expected' })),
  );
};
