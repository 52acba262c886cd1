import type { ServiceIdentifier } from 'inversify';
import type { ScriptStore } from '../adapters/rate-limit/address-limits.ts';
import type { RecentEvents } from '../adapters/system/recent-events.ts';
import type { Counts } from '../adapters/telemetry/counts.ts';
import type { LiveStates } from '../adapters/telemetry/live-state.ts';
import type { MetricsText } from '../adapters/telemetry/metrics.ts';
import type { Sources } from '../adapters/telemetry/readings.ts';
import type { Tracing } from '../adapters/telemetry/tracing.ts';
import type { SharedCache } from '../adapters/tiered/tiered-cache.ts';
import type { Application } from '../application/application.ts';
import type { JournalReplayer } from '../application/caching/journal.ts';
import type { FencedWrites } from '../application/caching/protocol.ts';
import type { StatisticsCounter } from '../application/caching/statistics.ts';
import type { ContactDirectory, UserDirectory } from '../application/directories.ts';
import type { RedisCounters } from '../application/health/live-state.ts';
import type { BootstrapAdmin } from '../application/users/bootstrap-admin.ts';
import type { PasswordRules } from '../domain/password.ts';
import type { Cache, Caches, InvalidationBus } from '../domain/ports/cache.ts';
import type {
  AttemptCounters,
  ContactRepository,
  Database,
  DatabaseHealth,
  Journal,
  Transactions,
  UserRepository,
} from '../domain/ports/persistence.ts';
import type { Clock, Ids, Log, Timer } from '../domain/ports/runtime.ts';
import type {
  AccessTokens,
  LoginThrottle,
  PasswordBlocklist,
  PasswordHasher,
  RequestLimits,
} from '../domain/ports/security.ts';
import type { Secret } from '../domain/secret.ts';
import type { Config } from './config.ts';

/** Everything that is wired, by name: ports, then what is made of them. */
export interface Services {
  readonly config: Config;
  readonly secrets: SigningSecrets;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly hasher: PasswordHasher;
  readonly tokens: AccessTokens;
  readonly database: Database;
  readonly users: UserRepository;
  readonly contacts: ContactRepository;
  readonly transactions: Transactions;
  readonly journal: Journal;
  readonly attempts: AttemptCounters;
  readonly health: DatabaseHealth;
  /** Redis with its bus, if there is one. */
  readonly shared: Shared | undefined;
  readonly cache: Cache;
  readonly caches: Caches;
  readonly statistics: StatisticsCounter;
  readonly writes: FencedWrites;
  readonly replayer: JournalReplayer;
  readonly userDirectory: UserDirectory;
  readonly contactDirectory: ContactDirectory;
  readonly ttlSeconds: number;
  readonly blocklist: PasswordBlocklist;
  readonly passwordRules: PasswordRules;
  readonly throttle: LoginThrottle;
  readonly limits: RequestLimits;
  readonly throttleKey: Secret<'derived'>;
  readonly maxStalenessMs: number;
  readonly journalBoundMs: number;
  readonly whenDatabaseUnreachable: Config['cache']['whenDatabaseUnreachable'];
  readonly bootstrapAdmin: BootstrapAdmin;
  readonly application: Application;
  /** What is counted, traced and logged, and the services as those use them who are to be seen. */
  readonly counts: Counts;
  readonly tracing: Tracing | undefined;
  readonly events: RecentEvents;
  readonly observedDatabase: Database;
  readonly observedShared: Shared | undefined;
  readonly observedCache: Cache;
  readonly observedLimits: RequestLimits;
  readonly unobservedApplication: Application;
  readonly sources: Sources;
  readonly metrics: MetricsText;
  readonly liveStates: LiveStates;
}

/** The first signs, all verify. */
export type SigningSecrets = readonly [Secret<'signing-secret'>, ...Secret<'signing-secret'>[]];

export type Shared = AsyncDisposable & {
  readonly cache: SharedCache;
  readonly bus: InvalidationBus;
  readonly scripts: ScriptStore;
  readonly counters: () => RedisCounters;
};

/** The names under which Inversify knows the services. They carry their type: a bare symbol would fit anywhere. */
export const services: { readonly [Name in keyof Services]: ServiceIdentifier<Services[Name]> } = {
  config: Symbol('config'),
  secrets: Symbol('secrets'),
  clock: Symbol('clock'),
  timer: Symbol('timer'),
  ids: Symbol('ids'),
  log: Symbol('log'),
  hasher: Symbol('hasher'),
  tokens: Symbol('tokens'),
  database: Symbol('database'),
  users: Symbol('users'),
  contacts: Symbol('contacts'),
  transactions: Symbol('transactions'),
  journal: Symbol('journal'),
  attempts: Symbol('attempts'),
  health: Symbol('health'),
  shared: Symbol('shared'),
  cache: Symbol('cache'),
  caches: Symbol('caches'),
  statistics: Symbol('statistics'),
  writes: Symbol('writes'),
  replayer: Symbol('replayer'),
  userDirectory: Symbol('userDirectory'),
  contactDirectory: Symbol('contactDirectory'),
  ttlSeconds: Symbol('ttlSeconds'),
  blocklist: Symbol('blocklist'),
  passwordRules: Symbol('passwordRules'),
  throttle: Symbol('throttle'),
  limits: Symbol('limits'),
  throttleKey: Symbol('throttleKey'),
  maxStalenessMs: Symbol('maxStalenessMs'),
  journalBoundMs: Symbol('journalBoundMs'),
  whenDatabaseUnreachable: Symbol('whenDatabaseUnreachable'),
  bootstrapAdmin: Symbol('bootstrapAdmin'),
  application: Symbol('application'),
  counts: Symbol('counts'),
  tracing: Symbol('tracing'),
  events: Symbol('events'),
  observedDatabase: Symbol('observedDatabase'),
  observedShared: Symbol('observedShared'),
  observedCache: Symbol('observedCache'),
  observedLimits: Symbol('observedLimits'),
  unobservedApplication: Symbol('unobservedApplication'),
  sources: Symbol('sources'),
  metrics: Symbol('metrics'),
  liveStates: Symbol('liveStates'),
};
