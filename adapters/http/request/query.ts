import type { Issue } from '../../../domain/issue.ts';
import { fail, ok, type Result } from '../../../domain/result.ts';

/**
 * The parameters of a query string, each at most once. Of two with one name, some parsers take the first and some the
 * last: then one value is checked and the other one used (HTTP parameter pollution).
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
