import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const object = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};

const manifest = object(JSON.parse(read('package.json')));
const lock = object(JSON.parse(read('package-lock.json')));
const packages = Object.entries(object(lock['packages'])).map(
  ([path, entry]) => [path, object(entry)] as const,
);
const direct = { ...object(manifest['dependencies']), ...object(manifest['devDependencies']) };

describe('the supply chain', () => {
  it('is pinned: exact versions here, and a hash for every package in the lockfile', () => {
    for (const [name, version] of Object.entries(direct)) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    const outside = packages.filter(
      ([path, entry]) => path.startsWith('node_modules/') && entry['link'] !== true,
    );
    expect(outside.length).toBeGreaterThan(50);
    const unhashed = outside.filter(
      ([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(String(integrity)),
    );
    // npm leaves the hash out where the lockfile was made on another platform than a binary is for. Only tools of
    // development have such; nothing that is shipped may.
    for (const [path, entry] of unhashed)
      expect({ dev: entry['dev'], optional: entry['optional'] }, path).toEqual({ dev: true, optional: true });
    expect(unhashed.every(([path]) => /\/@(?:biomejs|deno)\//.test(path))).toBe(true);
  });

  it('runs install scripts of nobody but those on the list', () => {
    const allowed = Object.keys(object(manifest['allowScripts']));
    expect(allowed.sort()).toEqual(['deno', 'node']);
    const name = (path: string): string => path.replace(/^.*node_modules\//, '');
    const scripted = packages
      .filter(([, entry]) => entry['hasInstallScript'] === true)
      .map(([path]) => name(path));
    for (const each of scripted.filter((path) => !allowed.includes(path)))
      expect(['esbuild', 'fsevents'], `${each} wants to run a script`).toContain(each);
  });

  it('is small, and each dependency has its reason', () => {
    const shipped = Object.keys(object(manifest['dependencies']));
    expect(shipped.length).toBeLessThanOrEqual(28);
    const [, reasons = ''] = read('ARCHITECTURE.md').split('## Why each dependency');
    for (const name of shipped) {
      const [scope, part = ''] = name.split('/');
      const isNamed =
        reasons.includes(`\`${name}\``) || (scope === '@mikro-orm' && reasons.includes(`\`${part}\``));
      expect(isNamed, `${name} has no reason in ARCHITECTURE.md`).toBe(true);
    }
  });

  it('is installed by one command that does not change the lockfile', () => {
    expect(read('.ci/run')).toContain('npm ci');
    expect(read('.ci/run')).not.toMatch(/npm (install|i|update)\b/);
  });
});
