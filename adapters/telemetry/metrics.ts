import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Readings } from '../../application/operations/live-state.ts';
import type { CacheHealth } from '../../domain/ports/cache.ts';
import { type Counts, cacheCommands } from './counts.ts';
import { bucketSeconds, type Durations } from './durations.ts';
import { type Sources, takeReadings } from './readings.ts';

/** Metrics in the text format of Prometheus. */
export type MetricsText = { readonly contentType: string; read(): Promise<string> };

type Labels = { readonly [name: string]: string };
type Sample = readonly [labels: Labels, value: number];
type Now = Readings & { readonly counts: Counts; readonly logRows: number | undefined };

/** One metric: its name with its unit, what it is, its labels, and how its values are read. */
type Row = readonly [
  name: string,
  help: string,
  labels: readonly string[],
  read: (now: Now) => Iterable<Sample>,
];
type DurationsRow = readonly [
  name: string,
  help: string,
  labels: readonly string[],
  read: (counts: Counts) => Iterable<readonly [labels: Labels, durations: Durations]>,
];

const seconds = (ms: number): number => ms / 1000;
/** No sample for what is not known: a zero would be wrong. */
const known = (value: number | null | undefined, labels: Labels = {}): readonly Sample[] =>
  value === null || value === undefined ? [] : [[labels, value]];
const one = (value: number | boolean): readonly Sample[] => [[{}, Number(value)]];
const each = function* (entries: Iterable<readonly [string, number]>, label: string): Iterable<Sample> {
  for (const [name, count] of entries) yield [{ [label]: name }, count];
};
const circuitStates: Readonly<Record<CacheHealth['circuit'], 1>> = { closed: 1, 'half-open': 1, open: 1 };
const states = (circuit: string, state: CacheHealth['circuit']): readonly Sample[] =>
  Object.keys(circuitStates).map((name) => [{ circuit, state: name }, Number(name === state)]);

const readSamples = function* ({ counts }: Now): Iterable<Sample> {
  for (const [tier, kinds] of Object.entries(counts.reads)) {
    for (const [kind, outcomes] of kinds.all) {
      for (const [outcome, count] of Object.entries(outcomes)) yield [{ tier, kind, outcome }, count];
    }
  }
};

const commandSamples = function* ({ counts }: Now): Iterable<Sample> {
  for (const command of cacheCommands) {
    for (const [kind, outcomes] of counts.commands[command].all) {
      for (const [outcome, count] of Object.entries(outcomes)) yield [{ command, kind, outcome }, count];
    }
  }
};

const auditSamples = (count: 'audited' | 'stale') =>
  function* ({ counts }: Now): Iterable<Sample> {
    for (const [kind, audits] of counts.audits.all) yield [{ kind }, audits[count]];
  };

const limitSamples = function* ({ counts }: Now): Iterable<Sample> {
  for (const [label, count] of counts.limits.entries()) {
    const [limit = '', outcome = ''] = label.split(' ');
    yield [{ limit, outcome }, count];
  }
};

// biome-ignore format: one line a metric
const counters: readonly Row[] = [
  ['kith_lookups_total', 'Records that callers asked for by key, by what answered', ['source'], ({ statistics }) => each(Object.entries(statistics.byTier), 'source')],
  ['kith_cache_reads_total', 'Reads of a tier of the cache', ['tier', 'kind', 'outcome'], readSamples],
  ['kith_cache_commands_total', 'Fences, releases, replays and fills of the cache', ['command', 'kind', 'outcome'], commandSamples],
  ['kith_invalidations_total', 'Records that were invalidated', [], ({ statistics }) => one(statistics.invalidations)],
  ['kith_cache_unreadable_total', 'Values in Redis that did not parse and were dropped', [], ({ redis }) => known(redis?.unreadable)],
  ['kith_redis_failures_total', 'Redis commands without a usable reply, by what was wrong', ['code'], ({ redis }) => each(Object.entries(redis?.failures ?? {}), 'code')],
  ['kith_log_checks_total', 'Checks of the log of changes, by what came of them', ['outcome'], ({ log }) => each(Object.entries(log.checks), 'outcome')],
  ['kith_values_not_believed_total', 'Cached values that were not served because they did not prove themselves, by why', ['reason'], ({ disbeliefs }) => each(Object.entries(disbeliefs), 'reason')],
  ['kith_audited_reads_total', 'Answers from a cache that were held against the database', ['kind'], auditSamples('audited')],
  ['kith_stale_reads_total', 'Answers among them that were older than is promised (JOURNAL_BOUND_MS)', ['kind'], auditSamples('stale')],
  ['kith_database_failures_total', 'Database operations that threw, by what', ['code'], ({ counts }) => each(counts.databaseFailures.entries(), 'code')],
  ['kith_rows_left_out_total', 'Rows that cannot be read and were left out of an answer', [], ({ database }) => known(database?.rowsLeftOut)],
  ['kith_log_ins_total', 'Log-ins by outcome', ['outcome'], ({ counts }) => each(counts.logIns.entries(), 'outcome')],
  ['kith_registrations_total', 'Registrations by outcome', ['outcome'], ({ counts }) => each(counts.registrations.entries(), 'outcome')],
  ['kith_limited_requests_total', 'Requests under a limit per address', ['limit', 'outcome'], limitSamples],
  ['kith_log_events_total', 'Events that were logged', ['level'], ({ counts }) => each(counts.logLines.entries(), 'level')],
];

// biome-ignore format: one line a metric
const gauges: readonly Row[] = [
  ['kith_cache_degraded', '1 while a configured Redis is not in use, or takes no writes', [], ({ cache }) => one(cache.degraded)],
  ['kith_cache_memory_entries', 'Entries of the memory tier', [], ({ cache }) => one(cache.entriesInMemory)],
  ['kith_memory_staleness_seconds', 'Age of the last proof that this process heard every invalidation; absent while there is none and memory is out of use', [], ({ cache }) => known(cache.stalenessMs === null ? null : seconds(cache.stalenessMs))],
  ['kith_memory_staleness_bound_seconds', 'What that age may not exceed (MAX_STALENESS_MS)', [], ({ maxStalenessMs }) => one(seconds(maxStalenessMs))],
  ['kith_redis_latency_seconds', 'Last measured round trip to Redis', [], ({ cache }) => known(cache.latencyMs === null ? null : seconds(cache.latencyMs))],
  ['kith_redis_memory_used_bytes', 'used_memory of Redis', [], ({ cache }) => known(cache.memoryUsedBytes)],
  ['kith_circuit_state', '1 for the state that a circuit is in', ['circuit', 'state'], ({ cache, database, redis }) => [...(redis === undefined ? [] : states('redis', cache.circuit)), ...(database === undefined ? [] : states('database', database.circuit))]],
  ['kith_log_age_seconds', 'Age of the beginning of the last answered check of the log of changes; absent before the first, and where there is none', [], ({ log }) => known(log.ageMs === null ? null : seconds(log.ageMs))],
  ['kith_log_bound_seconds', 'Above this age nothing is served from a cache, unless the database answers nobody (JOURNAL_BOUND_MS)', [], ({ log }) => one(seconds(log.boundMs))],
  ['kith_log_rows', 'Rows that the log of changes holds, about, as of the last scrape a minute or longer ago; absent when unknown', [], ({ logRows }) => known(logRows)],
  ['kith_gate_open', '1 while this process may answer from a cache at all', [], ({ cache }) => one(cache.gate !== 'closed')],
  ['kith_database_listening', '1 while others can wake this process for news in the log', [], ({ database }) => known(database === undefined ? undefined : Number(database.isListening))],
  ['kith_database_connections', 'Connections of the pool', ['state'], ({ database }) => database === undefined ? [] : [[{ state: 'idle' }, database.idleConnections], [{ state: 'used' }, database.connections - database.idleConnections]]],
  ['kith_database_waiting', 'Statements and transactions that wait for a connection', [], ({ database }) => known(database?.waiting)],
  ['kith_password_hashes', 'Password hashes being made, and waiting to be', ['state'], ({ hashing }) => each(Object.entries(hashing ?? {}), 'state')],
];

const requestDurations = function* ({ routes }: Counts): Iterable<readonly [Labels, Durations]> {
  for (const { method, route, byClass } of routes) {
    for (const [status, durations] of byClass) yield [{ method, route, status }, durations];
  }
};

const byOperation = function* (all: ReadonlyMap<string, Durations>): Iterable<readonly [Labels, Durations]> {
  for (const [operation, durations] of all) yield [{ operation }, durations];
};

// biome-ignore format: one line a metric
const histograms: readonly DurationsRow[] = [
  ['kith_http_request_duration_seconds', 'Requests by route, method and class of the status, until their answer was made', ['method', 'route', 'status'], requestDurations],
  ['kith_redis_operation_duration_seconds', 'What the cache asked of Redis', ['operation'], ({ redis }) => byOperation(redis)],
  ['kith_database_operation_duration_seconds', 'What was asked of the database, the wait for a connection included', ['operation'], ({ database }) => byOperation(database)],
];

/**
 * The registry is made at the first scrape, and the values are read at each one. Until somebody scrapes, metrics cost
 * no more than the counts.
 */
export const prometheusMetrics = (sources: Sources): MetricsText => {
  let registry: Registry | undefined;
  let now: Now;
  const logRows = new LogRows(sources);
  const make = (): Registry => {
    const made = new Registry();
    collectDefaultMetrics({ register: made });
    for (const [name, help, labelNames, read] of counters) {
      const counter: Counter = new Counter({
        name,
        help,
        labelNames,
        registers: [made],
        collect: () => fill(counter, read(now)),
      });
    }
    for (const [name, help, labelNames, read] of gauges) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames,
        registers: [made],
        collect: () => fill(gauge, read(now)),
      });
    }
    for (const [name, help, labelNames, read] of histograms) {
      made.registerMetric(new ReadHistogram(name, help, labelNames, () => read(sources.counts)));
    }
    return made;
  };
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async read() {
      now = { ...(await takeReadings(sources)), counts: sources.counts, logRows: logRows.read() };
      registry ??= make();
      return registry.metrics();
    },
  };
};

const countEveryMs = 60_000;

/** How many rows the log holds. They are counted behind a scrape, for the next one: no scrape waits for the database. */
class LogRows {
  readonly #sources: Pick<Sources, 'database' | 'clock'>;
  #rows: number | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(sources: Pick<Sources, 'database' | 'clock'>) {
    this.#sources = sources;
  }

  read(): number | undefined {
    const nowMs = this.#sources.clock.monotonicMs();
    if (nowMs - this.#askedAtMs >= countEveryMs) {
      this.#askedAtMs = nowMs;
      void this.#count();
    }
    return this.#rows;
  }

  async #count(): Promise<void> {
    // A database that does not answer is told of by other metrics.
    this.#rows = await this.#sources.database.log.size().catch(() => undefined);
  }
}

const fill = (metric: Counter | Gauge, samples: Iterable<Sample>): void => {
  metric.reset();
  // A metric without labels is 0 after that: what is not known has to be absent.
  metric.remove({});
  for (const [labels, value] of samples) metric.inc(labels, value);
};

/** A histogram whose counts are kept elsewhere (durations.ts). */
class ReadHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #read: () => Iterable<readonly [Labels, Durations]>;

  constructor(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => Iterable<readonly [Labels, Durations]>,
  ) {
    super({ name, help, labelNames, registers: [] });
    this.#name = name;
    this.#help = help;
    this.#read = read;
  }

  /** What the registry writes down. */
  async getForPromString(): Promise<object> {
    const name = this.#name;
    const values: object[] = [];
    for (const [labels, { counts, sumMs }] of this.#read()) {
      let cumulative = 0;
      for (const [bucket, count] of counts.entries()) {
        cumulative += count;
        const le = bucketSeconds[bucket] ?? '+Inf';
        values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: cumulative });
      }
      values.push({ metricName: `${name}_sum`, labels, value: sumMs / 1000 });
      values.push({ metricName: `${name}_count`, labels, value: cumulative });
    }
    return { name, help: this.#help, type: 'histogram', values };
  }
}
