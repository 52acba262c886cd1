import process from 'node:process';
import { type Listener, listen } from '../adapters/http/listen.ts';
import { systemClock, systemTimer } from '../adapters/system/clock.ts';
import { describeError } from '../adapters/system/describe-error.ts';
import { lineOf, type Message, messageOf, Told } from '../adapters/system/messages.ts';
import { DatabaseUnavailable, Overloaded } from '../domain/faults.ts';
import type { Log } from '../domain/ports/runtime.ts';
import { Secret } from '../domain/secret.ts';
import { compose, type Kith } from './compose.ts';
import { type Config, parseConfig } from './config.ts';
import { toldOfIssue } from './environment.ts';
import { openLog } from './resources.ts';
import { startWarnings } from './start-warnings.ts';
import { telling } from './telling.ts';

/** How long the process still takes requests after it has said that it is not ready, so that load balancers notice. */
const noticeMs = 500;
const requestsMs = 8000;
const shutdownMs = 10_000;
const retryBootstrapMs = 1000;

const main = async (): Promise<void> => {
  const config = parseConfig(process.env);
  if (!config.ok) {
    return end(config.error.map(toldOfIssue));
  }
  for (const warning of startWarnings(process.env, config.value)) tell(warning);
  const log = telling(openLog({ config: config.value, clock: systemClock }), (told) => {
    if (told.exit === null) tell(told);
    else end([told]);
  });
  const crash = (error: unknown): never => {
    const described = describeError(error);
    log.error('crashed', described);
    return end([messageOf('crashed', { error: String(described['error']) })]);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  // The reader of our output may go away. That is no reason to stop serving.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  try {
    await run(config.value, log);
  } catch (error) {
    if (!(error instanceof Told)) crash(error);
    else {
      for (const { code, what } of error.told) log.error('not-started', { code, reason: what });
      end(error.told);
    }
  }
};

const run = async (config: Config, log: Log): Promise<void> => {
  const startedAtMs = systemClock.monotonicMs();
  const kith = await compose(config, { log });
  const release = kith.hold();
  const server = await listen(kith.http.fetch, config.http, config.http);
  const ops = config.ops && (await listen(kith.http.ops, config.ops));
  stopOnSignals(kith, server, ops, log);
  log.info('started', {
    url: server.url,
    opsUrl: ops?.url ?? null,
    database: config.postgres === undefined ? 'embedded' : 'postgres',
    redis: config.redis?.location.source ?? null,
    instances: config.instances,
    runtime: 'Deno' in globalThis ? 'deno' : 'node',
    startMs: Math.round(systemClock.monotonicMs() - startedAtMs),
  });
  say(
    `listening on ${server.url}, documentation on ${server.url}/docs${ops ? `, operations on ${ops.url}` : ''}`,
  );
  await ensureAdmin(kith, config, log);
  release();
};

/**
 * Tries again while the database is away; the server serves meanwhile, and is not ready. Whoever cannot be created never
 * will be: that is said, and the server is ready without an administrator, as one that was not asked for any.
 */
const ensureAdmin = async (kith: Kith, { bootstrapAdmin }: Config, log: Log): Promise<void> => {
  if (bootstrapAdmin === undefined) return;
  const { email, password } = bootstrapAdmin;
  for (;;) {
    try {
      const created = await kith.bootstrapAdmin({ email, password: Secret.reveal(password) });
      if (!created.ok) {
        const { code } = created.error;
        log.error('bootstrap-admin-refused', { code });
        tell(messageOf('bootstrap-admin-refused', { reason: code }));
      } else if (created.value) log.info('bootstrap-admin-created');
      return;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable || error instanceof Overloaded)) throw error;
      await systemTimer.sleep(retryBootstrapMs);
    }
  }
};

/**
 * On a signal: says that it is not ready, takes no new connections, waits for the requests under way, closes everything, and
 * exits. After `shutdownMs` it exits in any case.
 */
const stopOnSignals = (kith: Kith, server: Listener, ops: Listener | undefined, log: Log): void => {
  let stoppingSinceMs: number | undefined;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stoppingSinceMs !== undefined) {
      // A second Ctrl-C means: do not wait. But under npm one Ctrl-C arrives twice, so a second within a second is not one.
      if (signal === 'SIGINT' && systemClock.monotonicMs() - stoppingSinceMs > 1000) process.exit(130);
      return;
    }
    stoppingSinceMs = systemClock.monotonicMs();
    log.info('stopping', { signal });
    setTimeout(() => {
      log.warn('stopped', { complete: false });
      process.exit(0);
    }, shutdownMs).unref();
    kith.drain();
    if (signal === 'SIGTERM') await systemTimer.sleep(noticeMs);
    await server.close(requestsMs);
    await ops?.close(0);
    await kith[Symbol.asyncDispose]();
    log.info('stopped', { complete: true });
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
};

/** For a person at a terminal; programs read the log. */
const say = (line: string): void => {
  process.stderr.write(`kith: ${line}\n`);
};

const tell = (message: Message): void => {
  process.stderr.write(lineOf(message));
};

/** Says why, and ends with the exit code of the first. */
const end = (messages: readonly Message[]): never => {
  for (const message of messages) tell(message);
  process.exit(messages[0]?.exit ?? 1);
};

await main();
