import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** A run of one test that passes and leaks: canary-watch.test.ts expects it to fail. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: [fileURLToPath(new URL('*.planted.ts', import.meta.url))],
    globalSetup: fileURLToPath(new URL('../../support/canary-check.ts', import.meta.url)),
    pool: 'forks',
  },
});

// biome-ignore lint/style/noDefaultExport: vitest reads this one.
export default config;
