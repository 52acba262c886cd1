/** Runs the tests with the servers they need: `test.ts [--deno] [arguments of vitest]`. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ensurePostgres, needChromium, needRedis } from './servers.ts';

const [runtime, ...rest] = process.argv.slice(2);
const inDeno = runtime === '--deno';
const wanted = inDeno ? rest : process.argv.slice(2);

// The fault suite measures how long recovery takes, so it wants the machine to itself: `npm run test:faults`. The examples
// need packages of their own: `npm run test:examples`. The pages need a Chromium: `npm run test:browser`.
const asksFor = (folder: string): boolean => wanted.some((argument) => argument.startsWith(folder));
const suite = asksFor('tests/faults') ? 'faults' : wanted.length === 0 ? 'whole' : 'part';
const apart = ['tests/faults', 'tests/examples', 'examples', 'tests/browser'].filter(
  (folder) => !asksFor(folder),
);

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
// The suite is told where it should be running and checks it (tests/runtime.test.ts): what is meant to run inside Deno
// must not pass inside Node.
const [command, ...prefix] = inDeno
  ? ['deno', 'run', '--allow-all', '--quiet', vitest]
  : [process.execPath, vitest];

const redisServer = needRedis();
const postgres = await ensurePostgres();
try {
  const { status } = spawnSync(command ?? '', [...prefix, 'run', ...wanted], {
    stdio: 'inherit',
    env: {
      ...process.env,
      KITH_RUNTIME: inDeno ? 'deno' : 'node',
      // After all of it, tests/support/canary-check.ts asks whether it looked everywhere.
      KITH_SUITE: suite,
      // vitest.config.ts; `--exclude` does not reach its projects.
      KITH_APART: apart.join(' '),
      TEST_DATABASE_URL: postgres.url,
      TEST_REDIS_SERVER: redisServer,
      ...(asksFor('tests/browser') && { TEST_CHROMIUM: needChromium() }),
    },
  });
  process.exitCode = status ?? 1;
} finally {
  await postgres.stop();
}
