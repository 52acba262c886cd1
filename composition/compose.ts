import { Container } from 'inversify';
import { createHttp, type Http } from '../adapters/http/http.ts';
import type { Application } from '../application/application.ts';
import type { BootstrapAdmin } from '../application/users/bootstrap-admin.ts';
import { Closing } from './closing.ts';
import { type Config, defaultConfig } from './config.ts';
import { kithModule, type Overrides } from './container.ts';
import { randomSecret } from './development-secret.ts';
import { services } from './services.ts';

export type { Http } from '../adapters/http/http.ts';
export type { Application } from '../application/application.ts';
export { type Config, parseConfig } from './config.ts';
export type { Overrides } from './container.ts';
export type { ConfigIssue } from './environment.ts';

/** A running Kith. Disposing it ends what it opened, and nothing that was handed in. */
export type Kith = AsyncDisposable & {
  readonly application: Application;
  /** The same over HTTP, for hosts that speak the web standard: a `Request` in, a `Response` out. */
  readonly http: Http;
  /** Creates the first administrator if there is none. */
  readonly bootstrapAdmin: BootstrapAdmin;
  /** From now on `/health/ready` says 503, so that no load balancer sends anybody here. */
  drain(): void;
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
  const limits = await container.getAsync(services.limits);
  await replayer.start();

  let isDraining = false;
  const http = createHttp(application, {
    log: container.get(services.log),
    // A request id needs no order, and this one takes its chance from a pool.
    ids: { uuid: () => crypto.randomUUID() },
    corsOrigins: config.http.corsOrigins,
    trustedProxies: config.http.trustedProxies,
    limits,
    isShuttingDown: () => isDraining,
  });
  const open = opened.move();
  return {
    application,
    http,
    bootstrapAdmin,
    drain: () => {
      isDraining = true;
    },
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  };
};

/** Whoever brings a database and no secret has no use for one that outlives the process, nor for a directory with it. */
const withSecrets = (config: Config, overrides: Overrides): Overrides =>
  overrides.database === undefined || config.tokens.secrets.length > 0
    ? overrides
    : { secrets: [randomSecret()], ...overrides };
