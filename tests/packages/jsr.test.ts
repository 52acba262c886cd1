import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import denoManifest from '../../deno.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the JSR package', () => {
  // A copy: a test must not depend on what else lies in the working folder, nor leave anything there.
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kith-jsr-'));
    for (const path of ['deno.json', 'package.json', 'tsconfig.json', ...denoManifest.publish.include])
      await cp(join(root, path), join(directory, path), { recursive: true });
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('has the version and the entry points of package.json', () => {
    expect(denoManifest.version).toBe(manifest.version);
    expect(denoManifest.license).toBe(manifest.license);
    const { './package.json': _, ...modules } = manifest.exports;
    expect(denoManifest.exports).toEqual({ ...modules, './cli': './cli/main.ts' });
  });

  it('passes a dry run: types that are written out, and nothing that is missing', async () => {
    const output = await new Promise<string>((resolve, reject) => {
      const deno = join(root, 'node_modules/.bin/deno');
      const { PATH = '', HOME = '' } = process.env;
      execFile(
        deno,
        ['publish', '--dry-run', '--allow-dirty'],
        { cwd: directory, env: { PATH, HOME, NO_COLOR: '1' } },
        (error, out, err) => (error === null ? resolve(out + err) : reject(new Error(out + err))),
      );
    });
    expect(output).toContain('Checking for slow types in the public API');
    expect(output).toContain('Success Dry run complete');
    expect(output).not.toMatch(/^(?:warning|error)\b/im);
    const files = [...output.matchAll(/file:\/\/\S+?\/kith-jsr-[^/]+\/(\S+) /g)].map(([, path]) => path);
    for (const path of [
      'composition/compose.ts',
      'tests/testing.ts',
      'cli/main.ts',
      'LICENSE',
      'README.md',
      'package.json',
    ])
      expect(files).toContain(path);
    expect(files.filter((path) => path?.includes('.test.'))).toEqual([]);
  }, 300_000);
});
