import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { places, verdict, watch } from '../support/canaries.ts';
import { programs } from './server.ts';

const folder = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'kith-planted-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

const root = fileURLToPath(new URL('../..', import.meta.url));

it.each([
  'a correct horse battery staple b',
  'CANARY-redis-0123',
  '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
  '$quick$salt',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln',
])('a leak of %s is seen, also in two chunks', (leak) => {
  for (const cut of [0, 3, leak.length]) {
    const directory = folder();
    const see = watch('log', directory);
    for (const chunk of ['x'.repeat(500), leak.slice(0, cut), leak.slice(cut), 'y'.repeat(500)]) see(chunk);
    expect(verdict(directory, false)).toHaveLength(1);
    expect(verdict(directory, false)[0]).toMatch(/^a canary in the log: /);
  }
});

it('a whole run that did not look everywhere has failed, and one that looked and saw nothing has not', () => {
  const directory = folder();
  for (const place of places.slice(1)) watch(place, directory)('nothing to see');
  expect(verdict(directory, false)).toEqual([]);
  expect(verdict(directory, true)).toEqual([`nobody watched the ${places[0]}`]);
  watch(places[0], directory)('nothing here either');
  expect(verdict(directory, true)).toEqual([]);
});

it('a run whose tests pass fails if one of them leaked', () => {
  const args = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config',
    'tests/security/planted/vitest.config.ts',
  ];
  const { PATH = '', HOME = '' } = process.env;
  const { status, stdout, stderr } = spawnSync(programs.node, args, {
    cwd: root,
    encoding: 'utf8',
    env: { PATH, HOME, NO_COLOR: '1' },
  });
  expect(stdout).toContain('1 passed');
  expect(stdout + stderr).toContain('a canary in the log');
  expect(status).toBe(1);
}, 60_000);
