import { faultRuns } from './benchmarks/faults.ts';
import { instances } from './benchmarks/instances.ts';
import { logWrite } from './benchmarks/log-write.ts';
import { me } from './benchmarks/me.ts';
import { memory } from './benchmarks/memory.ts';
import { memoryHit } from './benchmarks/memory-hit.ts';
import { missRead } from './benchmarks/miss-read.ts';
import { redisHit } from './benchmarks/redis-hit.ts';
import { securityWrite } from './benchmarks/security-write.ts';
import { start } from './benchmarks/start.ts';
import { storm } from './benchmarks/storm.ts';
import { write } from './benchmarks/write.ts';
import { zipf } from './benchmarks/zipf.ts';
import type { Benchmark } from './harness/benchmark.ts';

/** All of them, in the order of the table. */
export const benchmarks: readonly Benchmark[] = [
  memoryHit,
  redisHit,
  missRead,
  me,
  storm,
  zipf,
  faultRuns,
  write,
  securityWrite,
  logWrite,
  instances,
  start,
  memory,
];
