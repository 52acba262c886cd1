import { ContainerModule } from 'inversify';
import { CommonPasswords } from '../adapters/blocklist/common-passwords.ts';
import { JoseAccessTokens } from '../adapters/jose/jose-access-tokens.ts';
import { Argon2PasswordHasher } from '../adapters/oslo/argon2-password-hasher.ts';
import { systemClock, systemTimer } from '../adapters/system/clock.ts';
import { systemIds } from '../adapters/system/ids.ts';
import { RecentEvents } from '../adapters/system/recent-events.ts';
import { Counts } from '../adapters/telemetry/counts.ts';
import { LiveStates } from '../adapters/telemetry/live-state.ts';
import { prometheusMetrics } from '../adapters/telemetry/metrics.ts';
import { observeApplication, observeLimits } from '../adapters/telemetry/observed-application.ts';
import { observeCache } from '../adapters/telemetry/observed-cache.ts';
import { observeDatabase } from '../adapters/telemetry/observed-database.ts';
import type { Sources } from '../adapters/telemetry/readings.ts';
import { findTracing } from '../adapters/telemetry/tracing.ts';
import { KeyedThrottle } from '../adapters/throttle/keyed-throttle.ts';
import type { Application } from '../application/application.ts';
import { CachedContactDirectory } from '../application/caching/contact-directory.ts';
import { explainCache } from '../application/caching/explain-cache.ts';
import { invalidateUser } from '../application/caching/invalidate-user.ts';
import { JournalReplayer } from '../application/caching/journal.ts';
import { FencedWrites } from '../application/caching/protocol.ts';
import { StatisticsCounter } from '../application/caching/statistics.ts';
import { CachedUserDirectory } from '../application/caching/user-directory.ts';
import { addContact } from '../application/contacts/add-contact.ts';
import { changeContact } from '../application/contacts/change-contact.ts';
import { getContact } from '../application/contacts/get-contact.ts';
import { listContacts } from '../application/contacts/list-contacts.ts';
import { removeContact } from '../application/contacts/remove-contact.ts';
import { checkReadiness } from '../application/health/check-readiness.ts';
import { getCacheStatus } from '../application/health/get-cache-status.ts';
import { authenticate } from '../application/users/authenticate.ts';
import { bootstrapAdmin } from '../application/users/bootstrap-admin.ts';
import { changePassword } from '../application/users/change-password.ts';
import { changeProfile } from '../application/users/change-profile.ts';
import { deactivateSelf } from '../application/users/deactivate-self.ts';
import { deactivateUser } from '../application/users/deactivate-user.ts';
import { getProfile } from '../application/users/get-profile.ts';
import { getUser } from '../application/users/get-user.ts';
import { logIn } from '../application/users/log-in.ts';
import { lookUpUsers } from '../application/users/look-up-users.ts';
import { reactivateUser } from '../application/users/reactivate-user.ts';
import { register } from '../application/users/register.ts';
import { setRole } from '../application/users/set-role.ts';
import { signOutEverywhere } from '../application/users/sign-out-everywhere.ts';
import { Closing } from './closing.ts';
import type { Config } from './config.ts';
import {
  derive,
  findSecrets,
  observeRedis,
  openCache,
  openDatabase,
  openLimits,
  openLog,
  openShared,
} from './resources.ts';
import { type Services, services } from './services.ts';
import { type Box, box, boxOf, constant } from './wiring.ts';

/** Services that a host brings itself. They stay the host's: it closes them. */
export type Overrides = { readonly [Name in keyof Services]?: Services[Name] };

type Boxes = { readonly [Name in keyof Services]: Box<Services[Name]> };

/** The wiring diagram: a line a box, with its inputs. */
const boxes = (given: Config): Boxes => {
  const { config, secrets, clock, timer, ids, hasher, tokens, shared, caches } = services;
  // Everybody uses these as they are observed.
  const { events: log, observedDatabase: database, observedCache: cache } = services;
  const { counts, tracing, sources, unobservedApplication } = services;
  const { users, contacts, transactions, journal, health, statistics, writes } = services;
  const { userDirectory, contactDirectory } = services;
  const {
    ttlSeconds,
    blocklist,
    passwordRules,
    throttle,
    throttleKey,
    attempts,
    maxStalenessMs,
    journalBoundMs,
    whenDatabaseUnreachable,
  } = services;
  // biome-ignore format: one line a box
  return {
    config: constant(given),
    secrets: box(findSecrets, { config, log }),
    ttlSeconds: constant(given.tokens.ttlSeconds),
    blocklist: box(() => new CommonPasswords(), {}),
    passwordRules: box(({ blocklist }) => ({ blocklist, minCodePoints: given.passwordMinCodePoints }), { blocklist }),
    maxStalenessMs: constant(given.cache.maxStalenessMs),
    journalBoundMs: constant(given.cache.journalBoundMs),
    whenDatabaseUnreachable: constant(given.cache.whenDatabaseUnreachable),

    clock: constant(systemClock),
    timer: constant(systemTimer),
    ids: constant(systemIds),
    counts: box(() => new Counts(), {}),
    tracing: box(findTracing, {}),
    log: box(openLog, { config, clock }),
    events: box(({ log, clock, counts }) => new RecentEvents(log, clock, (level) => counts.logLines.add(level)), { log: services.log, clock, counts }),
    hasher: box(({ timer, config }) => new Argon2PasswordHasher(timer, config.hashing), { timer, config }),
    tokens: box(construct(JoseAccessTokens), { secrets, ttlSeconds, clock, ids }),

    database: box(openDatabase, { config, log }),
    observedDatabase: box(({ database, ...needs }) => observeDatabase(database, needs), { database: services.database, counts, clock, tracing }),
    users: box(({ database }) => database.users, { database }),
    contacts: box(({ database }) => database.contacts, { database }),
    transactions: box(({ database }) => database.transactions, { database }),
    journal: box(({ database }) => database.journal, { database }),
    attempts: box(({ database }) => database.attempts, { database }),
    throttleKey: box(({ secrets }) => derive(secrets[0], 'kith login attempts'), { secrets }),
    throttle: box(construct(KeyedThrottle), { attempts, throttleKey, clock }),
    health: box(({ database }) => database.health, { database }),

    shared: box(openShared, { config, secrets, clock, timer, ids, log }),
    observedShared: box(observeRedis, { shared, counts, clock, tracing }),
    limits: box(openLimits, { config, shared, secrets }),
    observedLimits: box(({ limits, counts }) => observeLimits(limits, counts), { limits: services.limits, counts }),
    cache: box(openCache, { config, shared: services.observedShared, clock, ids }),
    observedCache: box(({ cache, ...needs }) => observeCache(cache, needs), { cache: services.cache, counts, clock, tracing }),
    caches: box(({ cache }) => cache.caches, { cache }),
    statistics: box(() => new StatisticsCounter(), {}),
    writes: box(construct(FencedWrites), { transactions, journal, cache, clock, timer, ids, log, statistics, journalBoundMs }),
    replayer: box(construct(JournalReplayer), { journal, cache, clock, timer, log, statistics, journalBoundMs, whenDatabaseUnreachable }),
    userDirectory: box(construct(CachedUserDirectory), { users, caches, clock, timer, log, statistics }),
    contactDirectory: box(construct(CachedContactDirectory), { contacts, caches, clock, timer, ids, statistics }),

    bootstrapAdmin: box(bootstrapAdmin, { users, writes, hasher, clock, ids, passwordRules }),
    unobservedApplication: boxOf<Application>({
      register: box(register, { directory: userDirectory, tokens, throttle, log, writes, hasher, clock, ids, passwordRules }),
      logIn: box(logIn, { users, hasher, throttle, tokens, writes, log }),
      authenticate: box(authenticate, { tokens, directory: userDirectory }),
      changeProfile: box(changeProfile, { users, hasher, throttle, writes, clock }),
      changePassword: box(changePassword, { users, hasher, throttle, writes, tokens, clock, passwordRules }),
      signOutEverywhere: box(signOutEverywhere, { writes, clock }),
      deactivateSelf: box(deactivateSelf, { users, hasher, throttle, writes, clock }),
      getUser: box(({ directory }) => getUser(directory), { directory: userDirectory }),
      getProfile: box(({ directory }) => getProfile(directory), { directory: userDirectory }),
      lookUpUsers: box(({ directory }) => lookUpUsers(directory), { directory: userDirectory }),
      deactivateUser: box(deactivateUser, { writes, clock }),
      reactivateUser: box(reactivateUser, { writes, clock }),
      setRole: box(setRole, { writes, clock }),
      addContact: box(addContact, { writes, clock, ids }),
      getContact: box(({ directory }) => getContact(directory), { directory: contactDirectory }),
      listContacts: box(listContacts, { directory: contactDirectory, contacts }),
      changeContact: box(changeContact, { writes, clock }),
      removeContact: box(({ writes }) => removeContact(writes), { writes }),
      explainCache: box(explainCache, { users, caches }),
      invalidateUser: box(invalidateUser, { users, contacts, journal, cache, statistics }),
      getCacheStatus: box(getCacheStatus, { cache, journal, statistics, maxStalenessMs }),
      getStatistics: box(({ statistics }) => () => statistics.read(), { statistics }),
      checkReadiness: box(checkReadiness, { health, clock }),
    }),
    application: box(({ unobservedApplication, counts, tracing }) => observeApplication(unobservedApplication, counts, tracing), { unobservedApplication, counts, tracing }),

    sources: box(sourcesOf, { counts, clock, statistics, cache, database, hasher, shared, maxStalenessMs, journalBoundMs }),
    metrics: box(({ sources }) => prometheusMetrics(sources), { sources }),
    liveStates: box(({ sources, timer }) => new LiveStates(sources, timer), { sources, timer }),
  };
};

type Needs<Name extends keyof Services> = Pick<Services, Name>;

/** Where the numbers are that operators see. */
const sourcesOf = ({
  shared,
  ...needs
}: Needs<'shared' | Exclude<keyof Sources, 'redisCounters'>>): Sources => ({
  ...needs,
  redisCounters: shared?.counters,
});

const construct =
  <T, Needs>(type: new (needs: Needs) => T): ((needs: Needs) => T) =>
  (needs) =>
    new type(needs);

/**
 * Everything as a module that an Inversify container can load. What is opened is closed by disposing, each thing before
 * those it was made of: Inversify's own deactivation goes in the order of binding.
 */
export const kithModule = (
  config: Config,
  overrides: Overrides = {},
): AsyncDisposable & { readonly module: ContainerModule } => {
  const opened = new Closing();
  const module = new ContainerModule(({ bind }) => {
    const bindOne = <Name extends keyof Services>(
      name: Name,
      { make, inputs }: Box<Services[Name]>,
    ): void => {
      const given = overrides[name];
      if (given !== undefined) bind<unknown>(services[name]).toConstantValue(given);
      else {
        bind<unknown>(services[name])
          .toResolvedValue(make, [...inputs])
          .inSingletonScope()
          .onActivation((_, service) => remember(opened, service));
      }
    };
    const all = boxes(config);
    for (const name of Object.keys(all)) if (isService(name)) bindOne(name, all[name]);
  });
  return { module, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
};

const remember = <T>(opened: Closing, service: T): T => {
  if (isAsyncDisposable(service)) opened.use(service);
  return service;
};

const isAsyncDisposable = (service: unknown): service is AsyncDisposable =>
  typeof service === 'object' && service !== null && Symbol.asyncDispose in service;

const isService = (name: string): name is keyof Services => Object.hasOwn(services, name);
