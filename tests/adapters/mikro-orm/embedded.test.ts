import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataDirectoryInUse, lockDataDirectory } from '../../../adapters/mikro-orm/data-directory.ts';
import { openEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { DatabaseUnavailable, Overloaded } from '../../../domain/faults.ts';
import { change, fresh, store } from '../../contracts/persistence-support.ts';
import { account } from '../../support/fixtures.ts';
import { silentLog } from './support.ts';

const runtime = 'Deno' in globalThis ? ['run', '-A'] : [];

/** Runs a program of this folder in a process of its own and hands on what it prints, line by line. */
const start = (program: string, directory: string) => {
  const path = join(import.meta.dirname, program);
  const child = spawn(process.execPath, [...runtime, path, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const errors: string[] = [];
  let wake = (): void => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line !== ''));
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const printed = async (count: number): Promise<void> => {
    while (lines.length < count) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([
        more,
        ended.then(() => {
          if (lines.length < count) throw new Error(`the program ended: ${errors.join('')}`);
        }),
      ]);
    }
  };
  return { child, lines, printed, ended };
};

describe('the embedded database', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kith-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('keeps what it holds from one opening to the next', async () => {
    const dataDir = join(directory, 'made', 'on demand');
    const stored = fresh();
    const first = await openEmbedded({ dataDir }, silentLog);
    await store(first, stored);
    await first[Symbol.asyncDispose]();
    await expect(first.health.ping()).rejects.toBeInstanceOf(DatabaseUnavailable);
    const second = await openEmbedded({ dataDir }, silentLog);
    expect(await second.users.find({ kind: 'id', value: stored.user.id })).toEqual(stored.user);
    await second[Symbol.asyncDispose]();
  }, 60_000);

  it('starts anew where a first start was killed before its cluster was whole', async () => {
    const unfinished = join(directory, 'pglite.unfinished');
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');
    const database = await openEmbedded({ dataDir: directory }, silentLog);
    await database.health.ping();
    await database[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual(['pglite']);
  }, 60_000);

  it('refuses a second opening of its directory, here or in another process, and names the pid', async () => {
    const { child, lines, printed, ended } = start('embedded-writer.ts', directory);
    await printed(1);
    const refused = openEmbedded({ dataDir: directory }, silentLog);
    await expect(refused).rejects.toBeInstanceOf(DataDirectoryInUse);
    await expect(refused).rejects.toThrow(String(child.pid));
    child.kill('SIGKILL');
    await ended;
    expect(lines.length).toBeGreaterThan(0);

    // Taken over, once the other is dead.
    const opened = await openEmbedded({ dataDir: directory }, silentLog);
    await expect(openEmbedded({ dataDir: directory }, silentLog)).rejects.toThrow(String(process.pid));
    await opened[Symbol.asyncDispose]();
  }, 60_000);

  it('loses nothing that was acknowledged when it is killed amid its writes', async () => {
    for (let round = 0; round < 2; round++) {
      const { child, lines, printed, ended } = start('embedded-writer.ts', directory);
      await printed(20 + round * 7);
      child.kill('SIGKILL');
      await ended;
      const database = await openEmbedded({ dataDir: directory }, silentLog);
      for (const line of lines) {
        const { user } = account(Number(line));
        expect(await database.users.find({ kind: 'id', value: user.id })).toEqual(user);
        expect((await database.contacts.page(user.id, { skip: 0, limit: 1 })).total).toBe(1);
      }
      await database[Symbol.asyncDispose]();
    }
  }, 120_000);

  it('ends a statement that waits for the transaction which waits for it, and goes on', async () => {
    const database = await openEmbedded({ dataDir: null }, silentLog);
    const entangled = database.transactions.run(() => database.health.ping());
    await expect(entangled).rejects.toBeInstanceOf(Overloaded);
    await database.health.ping();
    await database[Symbol.asyncDispose]();
  }, 60_000);

  it('refuses to commit a transaction that took too long', async () => {
    const database = await openEmbedded({ dataDir: null, maxTransactionMs: 1000 }, silentLog);
    const stored = fresh();
    await store(database, stored);
    const endless = change(database, stored.user.id, { name: 'late' }, () => new Promise(() => undefined));
    await expect(endless).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await database.users.find({ kind: 'id', value: stored.user.id })).toEqual(stored.user);
    await database[Symbol.asyncDispose]();
  }, 60_000);
});

describe('the lock of a data directory', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kith-'));
    path = join(directory, 'kith.lock');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const holder = async (): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));

  it('names its holder, and is gone after its release', async () => {
    const lock = await lockDataDirectory(directory);
    expect(await holder()).toMatchObject({ pid: process.pid });
    await expect(lockDataDirectory(directory)).rejects.toBeInstanceOf(DataDirectoryInUse);
    await lock[Symbol.asyncDispose]();
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('is taken over from a process that is gone', async () => {
    // A pid above the largest that Linux gives out.
    await writeFile(path, JSON.stringify({ pid: 2 ** 22 + 1, started: null, token: 'x' }));
    const lock = await lockDataDirectory(directory);
    expect(await holder()).toMatchObject({ pid: process.pid });
    await lock[Symbol.asyncDispose]();
  });

  it.runIf(process.platform === 'linux')(
    'is taken over from a pid that is another process by now',
    async () => {
      for (const pid of [1, process.pid]) {
        await writeFile(path, JSON.stringify({ pid, started: 'another boot/12345', token: 'x' }));
        const lock = await lockDataDirectory(directory);
        await lock[Symbol.asyncDispose]();
      }
    },
  );

  it('is not taken from a live process whose start is not known', async () => {
    await writeFile(path, JSON.stringify({ pid: process.ppid, started: null, token: 'x' }));
    await expect(lockDataDirectory(directory, 0)).rejects.toThrow(String(process.ppid));
  });

  it('is taken over from a process that ends meanwhile', async () => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    await writeFile(path, JSON.stringify({ pid: child.pid, started: null, token: 'x' }));
    await expect(lockDataDirectory(directory, 0)).rejects.toThrow(String(child.pid));
    const locking = lockDataDirectory(directory, 60_000);
    child.kill('SIGKILL');
    const lock = await locking;
    await lock[Symbol.asyncDispose]();
  }, 60_000);

  // As in a container whose first process is a shell or the server's own launcher.
  it.runIf(process.platform === 'linux')(
    'is taken over from a zombie, whose parent never asks how it ended',
    async () => {
      const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        const [said] = await once(parent.stdout, 'data');
        const pid = Number(String(said));
        await writeFile(path, JSON.stringify({ pid, started: null, token: 'x' }));
        await expect(lockDataDirectory(directory, 0)).rejects.toThrow(String(pid));
        // The shell is gone before its child dies: it would ask.
        await vi.waitFor(async () =>
          expect(await readFile(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n'),
        );
        process.kill(pid, 'SIGKILL');
        const lock = await lockDataDirectory(directory, 60_000);
        expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(/^\d+ \(.*\) Z /);
        expect(process.kill(pid, 0)).toBe(true);
        await lock[Symbol.asyncDispose]();
      } finally {
        parent.kill('SIGKILL');
      }
    },
    60_000,
  );

  it('is taken over if its writer died before it wrote a word', async () => {
    for (const content of ['', '{"pid":', 'null', '{"pid":-1}']) {
      await writeFile(path, content);
      const lock = await lockDataDirectory(directory);
      await lock[Symbol.asyncDispose]();
    }
  });

  it('does not remove the lock of another at its release', async () => {
    const lock = await lockDataDirectory(directory);
    const other = JSON.stringify({ pid: process.ppid, started: null, token: 'other' });
    await writeFile(path, other);
    await lock[Symbol.asyncDispose]();
    expect(await readFile(path, 'utf8')).toBe(other);
  });

  it('goes to one of many that find it stale at once', async () => {
    for (let round = 0; round < 30; round++) {
      await mkdir(directory, { recursive: true });
      await writeFile(path, JSON.stringify({ pid: 2 ** 22 + 1, started: null, token: String(round) }));
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () => lockDataDirectory(directory)),
      );
      const held = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(held).toHaveLength(1);
      for (const { value } of held) await value[Symbol.asyncDispose]();
    }
  });
});
