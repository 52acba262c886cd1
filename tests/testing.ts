/**
 * What a test of a host, or of an adapter of one's own, needs: complete fakes, a clock that the test moves, contract
 * suites that tell whether an adapter keeps the promises of its port, and a proxy that breaks connections. The suites
 * register tests with vitest.
 */
export { MemoryCache, type MemoryCacheOptions } from '../adapters/memory/memory-cache.ts';
export { memoryDatabase } from '../adapters/memory/memory-database.ts';
export { recordKinds } from '../application/records/kinds.ts';
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
export { type Fault, type FaultProxy, openFaultProxy } from './support/fault-proxy.ts';
export * from './support/fixtures.ts';
export { ManualClock } from './support/manual-clock.ts';
export { quickHasher } from './support/quick-hasher.ts';
