/**
 * A server of its own process for the long runs: the product but for the hasher, which costs nothing. With
 * `--deterministic` the database is in memory, and time and ids follow the number of requests, so that two of them that
 * are sent the same requests have the same state, on whatever runtime. With `--deaf` it reads the log, and hears of no change.
 */
import process from 'node:process';
import { listen } from '../../adapters/http/listen.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { systemClock } from '../../adapters/system/clock.ts';
import { compose, type Overrides } from '../../composition/compose.ts';
import { type Config, parseConfig } from '../../composition/config.ts';
import { openDatabase, openLog } from '../../composition/resources.ts';
import { Secret } from '../../domain/secret.ts';
import { quickHasher } from '../support/quick-hasher.ts';

/** So a token lasts for 18,000 requests, and the first delay after failed guesses for 100. */
const msPerRequest = 50;
const startMs = Date.UTC(2026, 0, 1);

const config = parseConfig(process.env);
if (!config.ok) throw new Error(JSON.stringify(config.error));

let requests = 0;
let made = 0;
const next = (): string => (++made).toString(16).padStart(12, '0');
const deterministic = (): Overrides => {
  // The chance in a time to live.
  Math.random = () => 0.5;
  return {
    database: memoryDatabase(),
    secrets: [new Secret('kX7/4hVtq0pXbYw1eUo2mR9sZ3dLcJfA8nGgTiK5yBE')],
    clock: {
      nowMs: () => startMs + requests * msPerRequest,
      // No entry of the cache ends by its age within a run.
      monotonicMs: () => requests,
    },
    ids: { uuid: () => `01900000-0000-7000-8000-${next()}`, token: () => `token-${next()}` },
  };
};

const deaf = async (settings: Config): Promise<Overrides> => {
  const log = openLog({ config: settings, clock: systemClock });
  const database = await openDatabase({ config: settings, log });
  const check: typeof database.log.check = async (asked) => ({
    ...(await database.log.check(asked)),
    rows: [],
  });
  return {
    database: {
      ...database,
      log: { ...database.log, check },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    },
  };
};

const kith = await compose(config.value, {
  hasher: quickHasher,
  ...(process.argv.includes('--deterministic') ? deterministic() : {}),
  ...(process.argv.includes('--deaf') ? await deaf(config.value) : {}),
});
// The tables are made behind the start, if that takes long: on a machine that is busy.
while (!(await kith.ready())) await new Promise((resolve) => setTimeout(resolve, 50));
const { bootstrapAdmin } = config.value;
if (bootstrapAdmin !== undefined) {
  const { email, password } = bootstrapAdmin;
  await kith.bootstrapAdmin({ email, password: Secret.reveal(password) });
}
const server = await listen(
  (request) => {
    requests++;
    return kith.http.fetch(request);
  },
  { host: '127.0.0.1', port: config.value.http.port },
);
const ops = await listen(kith.http.ops, { host: '127.0.0.1', port: 0 });
process.on('SIGINT', () => {
  void Promise.all([server.close(1000), ops.close(0)])
    .then(() => kith[Symbol.asyncDispose]())
    .then(() => process.exit(0));
});
process.stdout.write(`${JSON.stringify({ event: 'started', url: server.url, opsUrl: ops.url })}\n`);
