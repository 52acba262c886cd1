/**
 * The wiring, a service an entry: its name, its type, the services it is made of, and how it is made of them. A service that
 * is wired before it is made, or where another is needed, does not compile. `port` marks those that a host may replace by
 * `Overrides`; what it hands in stays the host's, who closes it. So that operators see what happens, everybody but the
 * observers themselves uses the database, the cache and the limits as `observed...`, and `events` for a log.
 */
// biome-ignore-all format: one line a service

import type { Http } from '../adapters/http/http.ts';
import type { ObserveRequests, Operations } from '../adapters/http/operations.ts';
import { JoseAccessTokens } from '../adapters/jose/jose-access-tokens.ts';
import { Argon2PasswordHasher } from '../adapters/oslo/argon2-password-hasher.ts';
import { ZxcvbnStrength } from '../adapters/password-strength/zxcvbn-strength.ts';
import { systemClock, systemTimer } from '../adapters/system/clock.ts';
import { sha256 } from '../adapters/system/digest.ts';
import { systemIds } from '../adapters/system/ids.ts';
import { RecentEvents } from '../adapters/system/recent-events.ts';
import { Counts } from '../adapters/telemetry/counts.ts';
import { LiveStates } from '../adapters/telemetry/live-state.ts';
import { type MetricsText, prometheusMetrics } from '../adapters/telemetry/metrics.ts';
import { observeApplication, observeLimits } from '../adapters/telemetry/observed-application.ts';
import { observeCache, observeJudge } from '../adapters/telemetry/observed-cache.ts';
import { observeDatabase } from '../adapters/telemetry/observed-database.ts';
import { observeRequests } from '../adapters/telemetry/observed-requests.ts';
import type { Sources } from '../adapters/telemetry/readings.ts';
import { findTracing, type Tracing } from '../adapters/telemetry/tracing.ts';
import { KeyedThrottle } from '../adapters/throttle/keyed-throttle.ts';
import type { Application } from '../application/application.ts';
import type { Auditing } from '../application/caching/audit.ts';
import { Belief, type Judge } from '../application/caching/belief.ts';
import { CachedContactDirectory } from '../application/caching/contact-directory.ts';
import type { LogReader } from '../application/caching/log-reader.ts';
import { FencedWrites } from '../application/caching/protocol.ts';
import { alone, type Confirmations, Receipts } from '../application/caching/receipts.ts';
import { StatisticsCounter } from '../application/caching/statistics.ts';
import { CachedUserDirectory } from '../application/caching/user-directory.ts';
import { addContact } from '../application/contacts/add-contact.ts';
import { changeContact } from '../application/contacts/change-contact.ts';
import { getContact } from '../application/contacts/get-contact.ts';
import { listContacts } from '../application/contacts/list-contacts.ts';
import { removeContact } from '../application/contacts/remove-contact.ts';
import type { ContactDirectory, UserDirectory } from '../application/directories.ts';
import { checkReadiness } from '../application/operations/check-readiness.ts';
import { explainCache } from '../application/operations/explain-cache.ts';
import { getCacheStatus } from '../application/operations/get-cache-status.ts';
import { getStatistics } from '../application/operations/get-statistics.ts';
import { invalidateContact } from '../application/operations/invalidate-contact.ts';
import { invalidateContacts } from '../application/operations/invalidate-contacts.ts';
import { invalidateUser } from '../application/operations/invalidate-user.ts';
import { authenticate } from '../application/users/authenticate.ts';
import { changePassword } from '../application/users/change-password.ts';
import { changeProfile } from '../application/users/change-profile.ts';
import { deactivateSelf } from '../application/users/deactivate-self.ts';
import { deactivateUser } from '../application/users/deactivate-user.ts';
import { type BootstrapAdmin, bootstrapAdmin } from '../application/users/first-admin.ts';
import { getProfile } from '../application/users/get-profile.ts';
import { getUser } from '../application/users/get-user.ts';
import { logIn } from '../application/users/log-in.ts';
import { lookUpUsers } from '../application/users/look-up-users.ts';
import { reactivateUser } from '../application/users/reactivate-user.ts';
import { register } from '../application/users/register.ts';
import { setRole } from '../application/users/set-role.ts';
import { signOutEverywhere } from '../application/users/sign-out-everywhere.ts';
import type { PasswordRules } from '../domain/password.ts';
import type { Cache } from '../domain/ports/cache.ts';
import type { ChangeLog, ReceiptBus } from '../domain/ports/change-log.ts';
import type {
  AttemptCounters,
  ContactRepository,
  Database,
  DatabaseHealth,
  ProvedReads,
  Transactions,
  UserRepository,
} from '../domain/ports/persistence.ts';
import type { Clock, Ids, Log, Timer } from '../domain/ports/runtime.ts';
import type {
  AccessTokens,
  Digest,
  LoginThrottle,
  PasswordHasher,
  PasswordStrength,
  RequestLimits,
} from '../domain/ports/security.ts';
import type { Secret } from '../domain/secret.ts';
import type { Config } from './config.ts';
import {
  Draining,
  derive,
  findSecrets,
  memoryBoundMs,
  observeRedis,
  openAudit,
  openCache,
  openDatabase,
  openHttp,
  openLimits,
  openLog,
  openReader,
  openShared,
  type Shared,
} from './resources.ts';
import type { SigningSecrets } from './signing-secret.ts';
import { type WaitForDatabase, waitForDatabase } from './wait-for-database.ts';
import { type Box, box, boxOf, construct, given, type Port, port } from './wiring.ts';

export const config: Box<Config> = given();
export const journalBoundMs: Box<number> = box({ config }, ({ config }) => config.cache.journalBoundMs);

export const clock: Port<Clock> = port({}, () => systemClock);
export const timer: Port<Timer> = port({}, () => systemTimer);
export const ids: Port<Ids> = port({}, () => systemIds);
export const digest: Box<Digest> = box({}, () => sha256);
export const counts: Box<Counts> = box({}, () => new Counts());
export const tracing: Box<Tracing | undefined> = box({}, findTracing);
export const log: Port<Log> = port({ config, clock }, openLog);
export const events: Box<RecentEvents> = box({ log, clock, counts }, ({ log, clock, counts }) => new RecentEvents(log, clock, (level) => counts.logLines.add(level)));

export const secrets: Port<SigningSecrets> = port({ config, log: events }, findSecrets);
export const ttlSeconds: Box<number> = box({ config }, ({ config }) => config.tokens.ttlSeconds);
export const tokens: Port<AccessTokens> = port({ secrets, ttlSeconds, clock, ids }, construct(JoseAccessTokens));
export const hasher: Port<PasswordHasher> = port({ config }, ({ config }) => new Argon2PasswordHasher(config.hashing));
export const strength: Port<PasswordStrength> = port({}, () => new ZxcvbnStrength());
export const passwordRules: Box<PasswordRules> = box({ strength, config }, ({ strength, config }) => ({ strength, minCodePoints: config.passwordMinCodePoints }));

export const database: Port<Database> = port({ config, log: events }, openDatabase);
export const observedDatabase: Box<Database> = box({ database, counts, clock, tracing }, ({ database, ...needs }) => observeDatabase(database, needs));
export const users: Box<UserRepository> = box({ database: observedDatabase }, ({ database }) => database.users);
export const contacts: Box<ContactRepository> = box({ database: observedDatabase }, ({ database }) => database.contacts);
export const transactions: Box<Transactions> = box({ database: observedDatabase }, ({ database }) => database.transactions);
export const changeLog: Box<ChangeLog> = box({ database: observedDatabase }, ({ database }) => database.log);
export const reads: Box<ProvedReads> = box({ database: observedDatabase }, ({ database }) => database.reads);
export const attempts: Box<AttemptCounters> = box({ database: observedDatabase }, ({ database }) => database.attempts);
export const health: Box<DatabaseHealth> = box({ database: observedDatabase }, ({ database }) => database.health);
export const ready: Box<WaitForDatabase> = box({ health, clock, timer }, waitForDatabase);
export const throttleKey: Box<Secret<'derived'>> = box({ secrets }, ({ secrets }) => derive(secrets[0], 'kith login attempts'));
export const throttle: Port<LoginThrottle> = port({ attempts, throttleKey }, construct(KeyedThrottle));

export const belief: Box<Belief> = box({}, () => new Belief());
export const judge: Box<Judge> = box({ belief, counts }, ({ belief, counts }) => observeJudge(belief, counts));
export const shared: Box<Shared | undefined> = box({ config, secrets, clock, timer, ids, log: events, judge }, openShared);
export const maxStalenessMs: Box<number> = box({ config, shared }, memoryBoundMs);
export const observedShared: Box<Shared | undefined> = box({ shared, counts, clock, tracing }, observeRedis);
export const cache: Port<Cache> = port({ config, shared: observedShared, clock, ids, judge }, openCache);
export const observedCache: Box<Cache> = box({ cache, counts, clock, tracing }, ({ cache, ...needs }) => observeCache(cache, needs));
export const statistics: Box<StatisticsCounter> = box({}, () => new StatisticsCounter());
export const receiptBus: Box<ReceiptBus | undefined> = box({ shared }, ({ shared }) => shared?.bus);
export const reader: Box<LogReader | undefined> = box({ config, receiptBus, changeLog, cache: observedCache, belief, clock, timer, ids, log: events, statistics }, openReader);
export const confirmations: Box<Confirmations> = box({ receiptBus, changeLog, clock, timer, log: events, reader }, ({ reader, ...needs }) => (reader === undefined ? alone : new Receipts({ ...needs, reader })));
export const writes: Box<FencedWrites> = box({ transactions, changeLog, cache: observedCache, belief, clock, timer, ids, log: events, statistics, confirmations }, construct(FencedWrites));
export const audit: Box<Auditing> = box({ config, reads, cache: observedCache, counts, clock, timer, log: events }, openAudit);
export const userDirectory: Box<UserDirectory> = box({ users, reads, caches: observedCache, clock, timer, log: events, statistics, audit }, construct(CachedUserDirectory));
export const contactDirectory: Box<ContactDirectory> = box({ reads, caches: observedCache, clock, timer, ids, statistics, audit }, construct(CachedContactDirectory));

export const firstAdmin: Box<BootstrapAdmin> = box({ users, writes, hasher, clock, ids, passwordRules }, bootstrapAdmin);
export const unobservedApplication: Box<Application> = boxOf<Application>({
  register: box({ directory: userDirectory, tokens, throttle, log: events, writes, hasher, clock, ids, passwordRules }, register),
  logIn: box({ users, hasher, throttle, tokens, writes, log: events }, logIn),
  authenticate: box({ tokens, directory: userDirectory }, authenticate),
  changeProfile: box({ users, hasher, throttle, writes, clock }, changeProfile),
  changePassword: box({ users, hasher, throttle, writes, tokens, clock, passwordRules }, changePassword),
  signOutEverywhere: box({ writes, clock }, signOutEverywhere),
  deactivateSelf: box({ users, hasher, throttle, writes, clock }, deactivateSelf),
  getUser: box({ directory: userDirectory }, ({ directory }) => getUser(directory)),
  getProfile: box({ directory: userDirectory }, ({ directory }) => getProfile(directory)),
  lookUpUsers: box({ directory: userDirectory }, ({ directory }) => lookUpUsers(directory)),
  deactivateUser: box({ writes, clock }, deactivateUser),
  reactivateUser: box({ writes, clock }, reactivateUser),
  setRole: box({ writes, clock }, setRole),
  addContact: box({ writes, clock, ids, digest }, addContact),
  getContact: box({ directory: contactDirectory }, ({ directory }) => getContact(directory)),
  listContacts: box({ directory: contactDirectory, contacts }, listContacts),
  changeContact: box({ writes, clock }, changeContact),
  removeContact: box({ writes }, ({ writes }) => removeContact(writes)),
  explainCache: box({ users, caches: observedCache }, explainCache),
  invalidateUser: box({ users, contacts, cache: observedCache, statistics }, invalidateUser),
  invalidateContacts: box({ users, contacts, cache: observedCache, statistics }, invalidateContacts),
  invalidateContact: box({ users, cache: observedCache, statistics }, invalidateContact),
  getCacheStatus: box({ cache: observedCache, statistics, maxStalenessMs }, getCacheStatus),
  getStatistics: box({ statistics }, ({ statistics }) => getStatistics(statistics)),
  checkReadiness: box({ health, clock }, checkReadiness),
});
export const application: Box<Application> = box({ unobservedApplication, counts, tracing }, ({ unobservedApplication, counts, tracing }) => observeApplication(unobservedApplication, counts, tracing));

export const sources: Box<Sources> = box({ counts, clock, statistics, cache: observedCache, database: observedDatabase, hasher, shared, maxStalenessMs, journalBoundMs }, ({ shared, ...needs }) => ({ ...needs, redisCounters: shared?.counters }));
export const metrics: Box<MetricsText> = box({ sources }, ({ sources }) => prometheusMetrics(sources));
export const liveStates: Box<LiveStates> = box({ sources, timer }, ({ sources, timer }) => new LiveStates(sources, timer));
export const operations: Box<Operations> = box({ metrics, liveStates, events }, ({ metrics, liveStates, events }) => ({
  metrics,
  state: async (after) => ({ ...(await liveStates.read(after.sample)), events: events.since(after.event) }),
}));

export const limits: Port<RequestLimits> = port({ config, shared, secrets }, openLimits);
export const observedLimits: Box<RequestLimits> = box({ limits, counts }, ({ limits, counts }) => observeLimits(limits, counts));
export const draining: Box<Draining> = box({}, () => new Draining());
export const observe: Box<ObserveRequests> = box({ counts, tracing }, ({ counts, tracing }) => observeRequests(counts, tracing));
export const http: Box<Http> = box({ config, application, log: events, limits: observedLimits, draining, observe, operations }, openHttp);
