import type { IncomingMessage, ServerResponse } from 'node:http';
import process from 'node:process';
import { ContainerModule, type ServiceIdentifier } from 'inversify';
import type { Http } from '../adapters/http/http.ts';
import { toNodeHandler } from '../adapters/http/listen.ts';
import { messageOf, StartRefused } from '../adapters/system/messages.ts';
import type { Application } from '../application/application.ts';
import type { BootstrapAdmin } from '../application/users/first-admin.ts';
import { Closing } from './closing.ts';
import { type Config, defaultConfig } from './config.ts';
import * as services from './container.ts';
import { randomSecret } from './development-secret.ts';
import { boxOf, openBoxes, type PortsOf, replace, replacePorts } from './wiring.ts';

export type { Http } from '../adapters/http/http.ts';
export type * from '../application/application.ts';
export type { Freshness, Read, Source } from '../application/read.ts';
export type { Confirmation, Receipt } from '../application/writes.ts';
export type { Counters } from '../domain/attempts.ts';
export type { Contact, ContactPage, ContactSearch, PageRequest } from '../domain/contact.ts';
export type { ContactEmail } from '../domain/contact-email.ts';
export type { AnyFailure, Failure, FailureCode, IdentifierTaken } from '../domain/failures.ts';
export {
  Closed,
  DatabaseUnavailable,
  Fault,
  type FaultCode,
  OutcomeUnknown,
  Overloaded,
} from '../domain/faults.ts';
export type { UsedKey } from '../domain/idempotency.ts';
/** These make a key of an id, an email, a username or a phone, as `useCases.getUser(key)` takes it. */
export {
  type ContactId,
  type Email,
  type Phone,
  parseEmail,
  parsePhone,
  parseUserId,
  parseUsernameKey,
  type UserAlias,
  type UserId,
  type UserKey,
  type Username,
} from '../domain/identifiers.ts';
export type { Issue } from '../domain/issue.ts';
/** The ports, for adapters of your own; docs/adapters.md says what each promises. */
export type * from '../domain/ports/cache.ts';
export type * from '../domain/ports/change-log.ts';
export type * from '../domain/ports/persistence.ts';
export type * from '../domain/ports/runtime.ts';
export type * from '../domain/ports/security.ts';
export type { Result } from '../domain/result.ts';
/** `Secret.reveal(session.token)` is the text of a token; a secret itself can be neither printed nor serialised. */
export { type AccessToken, type Password, type PasswordHash, Secret } from '../domain/secret.ts';
/** The proof of what may be cached; an adapter of a database makes them. */
export { formatSnapshot, parseSnapshot, parseXid, type Snapshot, type Xid } from '../domain/snapshot.ts';
export type { Account, Profile, Role, User } from '../domain/user.ts';
export { type Config, configFrom, parseConfig } from './config.ts';
export type { ConfigIssue, Environment } from './environment.ts';
export type { SigningSecrets } from './signing-secret.ts';

/** What a host may bring itself: the ports, by name, and the secrets that sign tokens. It stays the host's: it closes it. */
export type Overrides = PortsOf<typeof services>;

/** Handles a request of `node:http`, Express or Fastify, and never throws. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Who sent a request, for hosts that are not a `node:http` server. The limits per address and the delays after wrong
 * passwords use the address. Without it there are no limits per address, and the wrong passwords of one caller delay all.
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
   * Waits for the database; resolves to whether it answered within `withinMs` (30,000). `compose` waits for a PostgreSQL for
   * a second or two and then returns, because a server can already listen and answer 503. A script has to call this first,
   * or its first use case may throw `DatabaseUnavailable`.
   */
  ready(withinMs?: number): Promise<boolean>;
  /** Creates the first administrator if there is none; resolves to whether it did. */
  readonly bootstrapAdmin: BootstrapAdmin;
  /**
   * Until the function that it returns is called, `/health/ready` says 503 `starting`: for what a program has to do before
   * others should be sent to it, as to create the first administrator.
   */
  hold(): () => void;
  /** From now on `/health/ready` says 503, so that no load balancer sends anybody here. */
  drain(): void;
  /**
   * Stops the work in the background and closes the connections. Calling it again waits for the same end. From then on
   * requests are answered 503 `closed`, and what would ask the database throws `Closed`.
   */
  close(): Promise<void>;
};

/**
 * Kith as a part of a program: opens the database, migrates it, connects to Redis where there is one, and returns. With
 * no arguments it is the documented default: PGlite in `./data` and memory. Any port can be replaced, so with
 * `{ database: memoryDatabase() }` it touches neither disk nor network.
 * Throws what opening the database threw, having closed what it had opened, and `StartRefused` on a Node that is too old.
 */
export const compose = async (config: Config = defaultConfig(), overrides: Overrides = {}): Promise<Kith> => {
  mustBeNewEnough();
  await using started = new Closing();
  const boxes = openBoxes([
    replace(services.config, config),
    ...replacePorts(services, withSecrets(config, overrides)),
  ]);
  started.use(boxes);
  const { application, http, firstAdmin, reader, draining, ready } = await boxes.get(entry);
  await reader?.start();

  // The start has succeeded: from now on it is the caller who closes.
  const running = started.move();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    draining.close();
    closed ??= running[Symbol.asyncDispose]();
    return closed;
  };
  return {
    useCases: application,
    http,
    fetch: (request, { ip } = {}) =>
      http.fetch(ip === undefined ? request : Object.defineProperty(request, 'ip', { value: ip })),
    toNodeHandler: () => toNodeHandler(http.fetch),
    ready: (withinMs = 30_000) => ready(withinMs),
    bootstrapAdmin: firstAdmin,
    hold: () => draining.hold(),
    drain: () => draining.start(),
    close,
    [Symbol.asyncDispose]: close,
  };
};

/** Says so before anything is written: Node 21 was the first with this, and what fails without it would fail later. */
const mustBeNewEnough = (): void => {
  if (typeof Map.groupBy === 'function') return;
  const needs = 'Node 24 (or 22.18 for the package)';
  throw new StartRefused(messageOf('needs-node', { needs, version: process.versions.node }));
};

/** The services that `Kith` is made of. All others are opened because these need them. */
const entry = boxOf({
  application: services.application,
  http: services.http,
  firstAdmin: services.firstAdmin,
  reader: services.reader,
  draining: services.draining,
  ready: services.ready,
});

/**
 * A host that brings its own database and configures no secret gets a random one, which lasts as long as the process.
 * Otherwise the secret would be written to `DATA_DIR`, and such a host needs no directory.
 */
const withSecrets = (config: Config, overrides: Overrides): Overrides =>
  overrides.database === undefined || config.tokens.secrets.length > 0
    ? overrides
    : { secrets: [randomSecret()], ...overrides };

/** The name under which `kithModule` puts Kith into a container. */
export const kithService: ServiceIdentifier<Kith> = Symbol('kith');

/**
 * Kith for a host with an Inversify container of its own: composed, once, when `kithService` is first asked for, and closed
 * by `await container.unloadAsync(module)`.
 */
export const kithModule = (config: Config = defaultConfig(), overrides: Overrides = {}): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind<Kith>(kithService)
      .toResolvedValue(() => compose(config, overrides))
      .inSingletonScope()
      .onDeactivation((kith) => kith.close());
  });
