import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { verdict } from './canaries.ts';

let directory: string | undefined;

/** Before all tests: says where their eyes report to. The fault suite measures times, and has no eyes on its Redis. */
export const setup = (): void => {
  if (process.env['KITH_SUITE'] === 'faults') return;
  directory = mkdtempSync(join(tmpdir(), 'kith-canaries-'));
  process.env['KITH_CANARIES'] = directory;
};

/** After all of them: fails the run if a secret was where it may not be, or, after the whole suite, if nobody looked. */
export const teardown = (): void => {
  if (directory === undefined) return;
  const problems = verdict(directory, process.env['KITH_SUITE'] === 'whole');
  rmSync(directory, { recursive: true });
  if (problems.length > 0) throw new Error(`canaries:\n${problems.slice(0, 20).join('\n')}`);
};
