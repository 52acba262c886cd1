/** A port that a host may bring has a contract suite; checked by tsc. */
import type { Overrides } from '../composition/compose.ts';
import * as testing from './testing-suites.ts';

/** The secrets are values and promise nothing. */
type PortName = Exclude<keyof Overrides, 'secrets'>;

/** One that has no suite does not compile. */
export const suites: Readonly<Record<PortName, unknown>> = {
  cache: testing.describeCache,
  clock: testing.describeClock,
  database: testing.describePersistence,
  hasher: testing.describePasswordHasher,
  ids: testing.describeIds,
  limits: testing.describeRequestLimits,
  log: testing.describeLog,
  strength: testing.describePasswordStrength,
  throttle: testing.describeLoginThrottle,
  timer: testing.describeTimer,
  tokens: testing.describeAccessTokens,
};
// @ts-expect-error a port more has no suite
export const fewer: Readonly<Record<PortName | 'mail', unknown>> = suites;
