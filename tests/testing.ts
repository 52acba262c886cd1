/**
 * What a test of a host, or of an adapter of one's own, needs: complete fakes, a clock that the test moves, fixtures, and a
 * proxy that breaks connections. It needs no test runner; the contract suites, which do, are in testing-suites.ts.
 */
export { MemoryCache, type MemoryCacheOptions } from '../adapters/memory/memory-cache.ts';
export { memoryDatabase } from '../adapters/memory/memory-database.ts';
export { systemIds } from '../adapters/system/ids.ts';
export { recordKinds } from '../application/records/kinds.ts';
export { type Fault, type FaultProxy, openFaultProxy } from './support/fault-proxy.ts';
export * from './support/fixtures.ts';
export { ManualClock } from './support/manual-clock.ts';
export { quickHasher } from './support/quick-hasher.ts';
