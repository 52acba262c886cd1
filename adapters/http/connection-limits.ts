/** What the clients of one listener may hold. */
export type ConnectionLimits = {
  /** Further ones are closed as they come: each takes memory and a file handle, which the database needs too. */
  readonly maxConnections: number;
  /** A connection on which nothing moves for so long is closed. It must be longer than any request may take. */
  readonly idleTimeoutMs: number;
  /**
   * For so long a connection is kept on which the last request is answered. It must be longer than a balancer in front
   * keeps its own: else the balancer sends a request at the moment of the closing, and it gets no answer.
   */
  readonly keepAliveTimeoutMs: number;
};

export const keepAliveRangeMs = { min: 1_000, max: 3_600_000 };

export const connectionLimits: ConnectionLimits = {
  maxConnections: 5_000,
  idleTimeoutMs: 20_000,
  // The usual balancers keep theirs for 60 seconds.
  keepAliveTimeoutMs: 75_000,
};
