import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** With the signal that ends each for certain. */
const running = new Map<ChildProcess, NodeJS.Signals>();
const folders = new Set<string>();

/** Whatever ends this process ends the child, by its process id; one that is stopped by SIGSTOP, too. */
export const adopt = (child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): ChildProcess => {
  running.set(child, signal);
  child.once('exit', () => running.delete(child));
  return child;
};

export const isRunning = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null;

/** Ends a child with a signal, with SIGKILL if it is still there after `patienceMs`; resolves when it is gone. */
export const end = async (
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGKILL',
  patienceMs: number = 5000,
): Promise<void> => {
  if (!isRunning(child)) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  // One that is stopped hears of it when it goes on.
  child.kill('SIGCONT');
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await exited;
  clearTimeout(timer);
};

/** A temporary folder that goes with this process, if it was not removed or kept before. */
export const temporaryFolder = (name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), `kith-torture-${name}-`));
  folders.add(folder);
  return folder;
};

export const keepFolder = (folder: string): void => {
  folders.delete(folder);
};

export const removeFolder = (folder: string): void => {
  if (folders.delete(folder)) rmSync(folder, { recursive: true, force: true });
};

process.on('exit', () => {
  for (const [child, signal] of running) {
    child.kill(signal);
    child.kill('SIGCONT');
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
