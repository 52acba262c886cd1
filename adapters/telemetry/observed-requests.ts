import { type Counts, durationsIn, type RouteCounts } from './counts.ts';
import type { Tracing } from './tracing.ts';

/** The requests of one route: each is counted when it was answered, and answered inside a span if there are any. */
export type ObservedRoute = {
  answered(status: number, durationMs: number): void;
  trace<T extends { readonly status: number }>(request: Request, work: () => Promise<T>): Promise<T>;
};

const classes: readonly string[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** Requests by route template, method and class of the status: what clients choose is in no label. */
export const observeRequests =
  (counts: Counts, tracing: Tracing | undefined): ((method: string, route: string) => ObservedRoute) =>
  (method, route) => {
    const of: RouteCounts = { method, route, byClass: new Map() };
    counts.routes.push(of);
    const name = `${method} ${route}`;
    return {
      answered(status, durationMs) {
        const statusClass = classes[Math.floor(status / 100) - 1] ?? '5xx';
        durationsIn(of.byClass, statusClass).record(durationMs);
        // What was refused before it reached a route took no time, and would hide what is slow.
        if (durationMs > 0) counts.requests.record(durationMs);
        counts.answers.add(statusClass);
      },
      trace(request, work) {
        if (tracing === undefined) return work();
        const attributes = { 'http.request.method': method, 'http.route': route };
        return tracing.serve(name, attributes, request.headers, work, ({ status }) => ({
          'http.response.status_code': status,
        }));
      },
    };
  };
