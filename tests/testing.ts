/**
 * What a test of a host, or of an adapter of one's own, needs: complete fakes, a clock that the test moves, contract
 * suites that tell whether an adapter keeps the promises of its port, and a proxy that breaks connections. The suites
 * register tests with vitest.
 */
export { MemoryCache, type MemoryCacheOptions } from '../adapters/memory/memory-cache.ts';
export { memoryDatabase } from '../adapters/memory/memory-database.ts';
export { type CacheUnderTest, describeCache } from './contracts/cache.ts';
export { describePersistence } from './contracts/persistence.ts';
export { type Fault, type FaultProxy, openFaultProxy } from './support/fault-proxy.ts';
export * from './support/fixtures.ts';
export { ManualClock } from './support/manual-clock.ts';
