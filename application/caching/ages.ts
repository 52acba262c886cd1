import type { Clock, Moment } from '../../domain/ports/runtime.ts';

export const momentOn = (clock: Clock): Moment => ({
  monotonicMs: clock.monotonicMs(),
  wallMs: clock.nowMs(),
});

/** The most time that can have passed between two moments, in milliseconds: for what must end in time. */
export const longestMs = (from: Moment, to: Moment): number =>
  Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);

/** The least time that can have passed between two moments, in milliseconds: for what somebody has to wait for. */
export const shortestMs = (from: Moment, to: Moment): number =>
  Math.min(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);

/** Before every other moment. */
export const never: Moment = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY };
