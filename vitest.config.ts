import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['tests/**/*.test.ts', 'examples/*.test.ts'],
    // Processes rather than threads: Deno's worker threads lack what vitest asks of them, and a test that hangs or
    // blocks the event loop takes only its own file down.
    pool: 'forks',
    // Fails the run if a secret of the tests was seen where none may be.
    globalSetup: 'tests/support/canary-check.ts',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // A test that is left out by mistake must not look like one that passed.
    allowOnly: false,
  },
});

// biome-ignore lint/style/noDefaultExport: vitest reads this one.
export default config;
