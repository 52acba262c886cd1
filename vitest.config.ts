import process from 'node:process';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/**
 * What watches the time: deadlines of 100 ms, stalls, time limits of connections. One file after the other and nothing
 * beside it, after the others.
 */
const timed = [
  'tests/bench.test.ts',
  'tests/faults/**/*.test.ts',
  'tests/adapters/http/listen.test.ts',
  'tests/adapters/mikro-orm/postgres-faults.test.ts',
  'tests/adapters/redis/**/*.test.ts',
  'tests/security/runtimes.test.ts',
];

/** What scripts/test.ts leaves out unless it is asked for. */
const apart = (process.env['KITH_APART'] ?? '')
  .split(' ')
  .filter((folder) => folder !== '')
  .map((folder) => `${folder}/**`);

const all = {
  // Processes rather than threads: Deno's worker threads lack what vitest asks of them, and a test that hangs or blocks
  // the event loop takes only its own file down.
  pool: 'forks',
  testTimeout: 20_000,
  hookTimeout: 60_000,
  // A test that is left out by mistake must not look like one that passed.
  allowOnly: false,
} as const;

const config: ViteUserConfig = defineConfig({
  test: {
    // Fails the run if a secret of the tests was seen where none may be.
    globalSetup: 'tests/support/canary-check.ts',
    projects: [
      {
        test: {
          ...all,
          name: 'side by side',
          include: ['tests/**/*.test.ts', 'examples/*.test.ts'],
          exclude: [...timed, ...apart, '**/node_modules/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...all,
          name: 'timed',
          include: timed,
          exclude: apart,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

// biome-ignore lint/style/noDefaultExport: vitest reads this one.
export default config;
