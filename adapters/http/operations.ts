import type { LiveState } from '../../application/health/live-state.ts';

/** What the operations listener shows beside health. */
export type Operations = {
  /** In the text format of Prometheus. */
  readonly metrics: { readonly contentType: string; read(): Promise<string> };
  /** The state with the samples and events after these numbers. */
  state(after: { readonly sample: number; readonly event: number }): Promise<LiveState>;
};

/**
 * Hears of the requests of a route, given once by its method and template; what belongs to no route is `other`.
 * `trace` runs the work that answers one, in a span where somebody collects them.
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
