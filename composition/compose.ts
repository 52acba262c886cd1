import type { IncomingMessage, ServerResponse } from 'node:http';
import { Container } from 'inversify';
import { createHttp, type Http } from '../adapters/http/http.ts';
import { toNodeHandler } from '../adapters/http/listen.ts';
import { observeRequests } from '../adapters/telemetry/observed-requests.ts';
import type { Application } from '../application/application.ts';
import type { BootstrapAdmin } from '../application/users/bootstrap-admin.ts';
import { DatabaseUnavailable } from '../domain/faults.ts';
import { Closing } from './closing.ts';
import { type Config, defaultConfig } from './config.ts';
import { kithModule, type Overrides } from './container.ts';
import { randomSecret } from './development-secret.ts';
import { type Services, services } from './services.ts';

export type { Http } from '../adapters/http/http.ts';
export type * from '../application/application.ts';
export type { Freshness, Read, Source } from '../application/read.ts';
export type { Contact, ContactPage } from '../domain/contact.ts';
export type { AnyFailure, Failure, FailureCode } from '../domain/failures.ts';
export { DatabaseUnavailable, Fault, type FaultCode, OutcomeUnknown } from '../domain/faults.ts';
/** An id, email, username or phone as a key: `useCases.getUser(key)` takes what they parsed. */
export {
  type ContactId,
  type Email,
  type Phone,
  parseEmail,
  parsePhone,
  parseUserId,
  parseUsernameKey,
  type UserId,
  type UserKey,
  type Username,
} from '../domain/identifiers.ts';
export type { Issue } from '../domain/issue.ts';
/** The ports, for adapters of your own; docs/adapters.md says what each promises. */
export type * from '../domain/ports/cache.ts';
export type * from '../domain/ports/persistence.ts';
export type * from '../domain/ports/runtime.ts';
export type * from '../domain/ports/security.ts';
export type { Result } from '../domain/result.ts';
/** `Secret.reveal(session.token)` is the text of a token; a secret itself can be neither printed nor serialised. */
export { Secret } from '../domain/secret.ts';
export type { Account, Profile, Role, User } from '../domain/user.ts';
export { type Config, configFrom, parseConfig } from './config.ts';
export { kithModule, type Overrides } from './container.ts';
export type { ConfigIssue, Environment } from './environment.ts';
export { type Services, services } from './services.ts';

/** Handles a request of `node:http`, Express or Fastify, and never throws. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Who sent a request, for hosts that are no `node:http` server: limits per address and the delays after wrong passwords
 * go by it. Without it there are no limits per address, and all callers are one place to guess from.
 */
export type Client = { readonly ip?: string | undefined };

/** A running Kith. `await using`, or `close()`, ends what it opened, and nothing that was handed in. */
export type Kith = AsyncDisposable & {
  /** What can be done with users and contacts: `kith.useCases.logIn({ identifier, password })`. Nothing in it knows HTTP. */
  readonly useCases: Application;
  /** The HTTP API as a function, for hosts that speak the web standard (Hono, Deno, Bun). It never rejects. */
  fetch(request: Request, client?: Client): Promise<Response>;
  /** The HTTP API as a handler, to be mounted at the root: it answers every path, with 404 where it has none. */
  toNodeHandler(): NodeHandler;
  /** The API and, apart from it, what only operators should reach: health, metrics, the live page. */
  readonly http: Http;
  /**
   * Waits for the database; whether it answered within `withinMs` (30,000). `compose` waits for a PostgreSQL a second or
   * two and then returns, for a server can say 503 meanwhile; a script that begins at once would meet `DatabaseUnavailable`.
   */
  ready(withinMs?: number): Promise<boolean>;
  /** Creates the first administrator if there is none; whether it did. */
  readonly bootstrapAdmin: BootstrapAdmin;
  /** From now on `/health/ready` says 503, so that no load balancer sends anybody here. */
  drain(): void;
  /** Stops the work in the background and closes the connections. Calling it again waits for the same end. */
  close(): Promise<void>;
};

/**
 * Kith as a part of a program: opens the database, migrates it, connects to Redis where there is one, and returns. With
 * no arguments it is the documented default: PGlite in `./data` and memory. Any service can be replaced, so with
 * `{ database: memoryDatabase() }` it touches neither disk nor network.
 * Throws what opening the database threw, having closed what it had opened.
 */
export const compose = async (config: Config = defaultConfig(), overrides: Overrides = {}): Promise<Kith> => {
  await using opened = new Closing();
  const { module, ...closing } = kithModule(config, withSecrets(config, overrides));
  opened.use(closing);
  const container = new Container({ jitless: true });
  container.load(module);

  const application = await container.getAsync(services.application);
  const bootstrapAdmin = await container.getAsync(services.bootstrapAdmin);
  const replayer = await container.getAsync(services.replayer);
  const limits = await container.getAsync(services.observedLimits);
  const metrics = await container.getAsync(services.metrics);
  const liveStates = await container.getAsync(services.liveStates);
  const events = container.get(services.events);
  const health = await container.getAsync(services.health);
  const [clock, timer] = [container.get(services.clock), container.get(services.timer)];
  await replayer.start();

  let isDraining = false;
  const http = createHttp(application, {
    log: events,
    // A request id needs no order, and this one takes its chance from a pool.
    ids: { uuid: () => crypto.randomUUID() },
    corsOrigins: config.http.corsOrigins,
    trustedProxies: config.http.trustedProxies,
    limits,
    isShuttingDown: () => isDraining,
    observe: observeRequests(container.get(services.counts), container.get(services.tracing)),
    operations: {
      metrics,
      state: async (after) => ({
        ...(await liveStates.read(after.sample)),
        events: events.since(after.event),
      }),
    },
  });
  const open = opened.move();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= open[Symbol.asyncDispose]();
    return closed;
  };
  return {
    useCases: application,
    http,
    fetch: (request, { ip } = {}) =>
      http.fetch(ip === undefined ? request : Object.defineProperty(request, 'ip', { value: ip })),
    toNodeHandler: () => toNodeHandler(http.fetch),
    ready: (withinMs = 30_000) => answersWithin(withinMs, { health, clock, timer }),
    bootstrapAdmin,
    drain: () => {
      isDraining = true;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
};

const answersWithin = async (
  withinMs: number,
  { health, clock, timer }: Pick<Services, 'health' | 'clock' | 'timer'>,
): Promise<boolean> => {
  const untilMs = clock.monotonicMs() + withinMs;
  for (;;) {
    try {
      await health.ping();
      return true;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      if (clock.monotonicMs() >= untilMs) return false;
      await timer.sleep(Math.min(100, withinMs));
    }
  }
};

/** Whoever brings a database and no secret has no use for one that outlives the process, nor for a directory with it. */
const withSecrets = (config: Config, overrides: Overrides): Overrides =>
  overrides.database === undefined || config.tokens.secrets.length > 0
    ? overrides
    : { secrets: [randomSecret()], ...overrides };
