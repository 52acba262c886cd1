import type { LiveState } from '../../application/operations/live-state.ts';

/** What the operations listener shows beside health. */
export type Operations = {
  /** In the text format of Prometheus. */
  readonly metrics: { readonly contentType: string; read(): Promise<string> };
  /** The state with the samples and events after these numbers. */
  state(after: { readonly sample: number; readonly event: number }): Promise<LiveState>;
};

/**
 * Measures the requests of a route, which is named once by its method and path (`/users/{id}`); requests of no route
 * are named `other`. `trace` runs the work that answers a request, in a span if somebody collects spans.
 */
export type ObserveRequests = (
  method: string,
  route: string,
) => {
  answered(status: number, durationMs: number): void;
  trace<T extends { readonly status: number }>(request: Request, work: () => Promise<T>): Promise<T>;
};

export const observeNothing: ObserveRequests = () => ({
  answered: () => {},
  trace: (_, work) => work(),
});
