/**
 * The contract suites that our adapters pass, for adapters of others: each tells whether an adapter keeps the promises of its
 * port. They register tests with vitest, and some draw cases with fast-check, so both have to be installed.
 */
export { describeAccessTokens, type TokensUnderTest } from './contracts/access-tokens.ts';
export { type CacheUnderTest, describeCache } from './contracts/cache.ts';
export type { Open } from './contracts/contract.ts';
export { type BusUnderTest, describeInvalidationBus } from './contracts/invalidation-bus.ts';
export { describeLoginThrottle, type ThrottleUnderTest } from './contracts/login-throttle.ts';
export { describePasswordHasher, type HasherUnderTest } from './contracts/password-hasher.ts';
export { describePasswordStrength } from './contracts/password-strength.ts';
export { describePersistence } from './contracts/persistence.ts';
export { describeReceiptBus, type ReceiptBusUnderTest } from './contracts/receipt-bus.ts';
export { describeRequestLimits, type LimitsUnderTest } from './contracts/request-limits.ts';
export {
  type ClockUnderTest,
  describeClock,
  describeIds,
  describeLog,
  describeTimer,
  type IdsUnderTest,
  type LogUnderTest,
  type TimerUnderTest,
} from './contracts/runtime.ts';
