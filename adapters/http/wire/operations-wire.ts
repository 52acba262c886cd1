import type {
  AuditCounts,
  LiveState,
  NamedCounts,
  ReadCounts,
} from '../../../application/operations/live-state.ts';

/** What the operations page is drawn from: one process, at one moment and lately. Durations are in milliseconds. */
export type WireLiveState = {
  now: string;
  version: string;
  runtime: string;
  uptime_ms: number;
  cache: {
    degraded: boolean;
    backend: 'redis' | 'upstash' | 'memory';
    uses_redis: boolean;
    circuit: 'closed' | 'open' | 'half-open';
    latency_ms: number | null;
    memory_used_bytes: number | null;
    entries_in_memory: number;
    gate: 'open' | 'closed' | 'without-database';
    staleness_ms: number | null;
    max_staleness_ms: number;
    unreadable: number;
    failures: Record<string, number>;
  };
  log: {
    age_ms: number | null;
    bound_ms: number;
    checks: LiveState['log']['checks'];
  };
  /** Cached values that were not believed, by why. */
  disbeliefs: LiveState['disbeliefs'];
  database: {
    circuit: 'closed' | 'open';
    listening: boolean;
    connections: number;
    idle_connections: number;
    waiting: number;
  } | null;
  hashing: { running: number; waiting: number } | null;
  lookups: { memory: number; redis: number; database: number };
  invalidations: number;
  fences: { confirmed: number; unconfirmed: number };
  reads: WireReads[];
  /** Answers from a cache that were held against the database, and those of them that were too old; `null`: none is. */
  audits: { audited: number; stale: number } | null;
  answers: Record<string, number>;
  log_ins: Record<string, number>;
  limits: Record<string, number>;
  samples: WireSample[];
  events: WireEvent[];
};
export type WireReads = { kind: string; memory: ReadCounts; redis: ReadCounts };
export type WireSample = {
  number: number;
  at: string;
  length_ms: number;
  memory: number;
  redis: number;
  database: number;
  requests: number;
  errors: number;
  p50_ms: number | null;
  p99_ms: number | null;
  invalidations: number;
  staleness_ms: number | null;
  log_age_ms: number | null;
  redis_latency_ms: number | null;
};
export type WireEvent = {
  number: number;
  at: string;
  level: 'info' | 'warn' | 'error';
  event: string;
  times: number;
  fields: Record<string, string | number | boolean | null>;
};

const time = (ms: number): string => new Date(ms).toISOString();
const named = (counts: NamedCounts): Record<string, number> => Object.fromEntries(counts);

export const liveStateToWire = (state: LiveState, version: string): WireLiveState => ({
  now: time(state.nowMs),
  version,
  runtime: 'Deno' in globalThis ? 'Deno' : 'Node',
  uptime_ms: state.uptimeMs,
  cache: {
    degraded: state.cache.degraded,
    backend: state.cache.backend,
    uses_redis: state.redis !== undefined,
    circuit: state.cache.circuit,
    latency_ms: state.cache.latencyMs,
    memory_used_bytes: state.cache.memoryUsedBytes,
    entries_in_memory: state.cache.entriesInMemory,
    gate: state.cache.gate,
    staleness_ms: state.cache.stalenessMs,
    max_staleness_ms: state.maxStalenessMs,
    unreadable: state.redis?.unreadable ?? 0,
    failures: { ...state.redis?.failures },
  },
  log: {
    age_ms: state.log.ageMs,
    bound_ms: state.log.boundMs,
    checks: { ...state.log.checks },
  },
  disbeliefs: { ...state.disbeliefs },
  database:
    state.database === undefined
      ? null
      : {
          circuit: state.database.circuit,
          listening: state.database.isListening,
          connections: state.database.connections,
          idle_connections: state.database.idleConnections,
          waiting: state.database.waiting,
        },
  hashing: state.hashing === undefined ? null : { ...state.hashing },
  lookups: { ...state.statistics.byTier },
  invalidations: state.statistics.invalidations,
  fences: { ...state.fences },
  reads: [...state.reads.memory].map(([kind, memory]) => ({
    kind,
    memory: { ...memory },
    redis: { ...(state.reads.redis.get(kind) ?? noReads) },
  })),
  audits: sumOf([...state.audits.values()]),
  answers: named(state.answers),
  log_ins: named(state.logIns),
  limits: named(state.limits),
  samples: state.samples.map((sample) => ({
    number: sample.number,
    at: time(sample.atMs),
    length_ms: Math.round(sample.lengthMs),
    memory: sample.lookups.memory,
    redis: sample.lookups.redis,
    database: sample.lookups.database,
    requests: sample.requests,
    errors: sample.errors,
    p50_ms: sample.p50Ms,
    p99_ms: sample.p99Ms,
    invalidations: sample.invalidations,
    staleness_ms: sample.stalenessMs,
    log_age_ms: sample.logAgeMs,
    redis_latency_ms: sample.redisLatencyMs,
  })),
  events: state.events.map(({ number, atMs, level, event, times, fields }) => ({
    number,
    at: time(atMs),
    level,
    event,
    times,
    fields: { ...fields },
  })),
});

const sumOf = (audits: readonly AuditCounts[]): WireLiveState['audits'] =>
  audits.length === 0
    ? null
    : {
        audited: audits.reduce((sum, { audited }) => sum + audited, 0),
        stale: audits.reduce((sum, { stale }) => sum + stale, 0),
      };

const noReads: ReadCounts = { hit: 0, miss: 0, filling: 0, fenced: 0, unavailable: 0 };
