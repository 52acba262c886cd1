import { createHash, randomUUID } from 'node:crypto';
import { access, constants, link, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { machineReason, messageOf, StartRefused } from '../system/messages.ts';

/** Another process has the data directory open, and two would destroy each other's work. The message names its pid. */
export class DataDirectoryInUse extends StartRefused {
  override readonly name = 'DataDirectoryInUse';
  readonly pid: number;

  constructor(directory: string, pid: number) {
    super(messageOf('data-directory-in-use', { directory, pid }));
    this.pid = pid;
  }
}

/** Does something in a data directory; an error of the machine becomes a `StartRefused` that names the directory. */
export const inDataDirectory = async <T>(directory: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const reason = machineReason(error);
    throw reason === undefined
      ? error
      : new StartRefused(messageOf('data-directory-unusable', { directory, reason }));
  }
};

/** Looks whether this user could write there, or make it; changes nothing. Rejects with the error of the machine. */
export const mayBeUsed = async (directory: string): Promise<void> => {
  const found = await stat(directory).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (found === undefined) return mayBeUsed(dirname(resolve(directory)));
  if (!found.isDirectory()) throw Object.assign(new Error('no directory'), { code: 'ENOTDIR' });
  await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
};

/**
 * Claims a directory for this process by a file `kith.lock` that holds the pid and, on Linux, when that process started:
 * a pid is given to another program after a while, and to the same one in a restarted container. A lock whose process is
 * gone is taken over, also if nobody has collected what is left of it (a zombie), as in a container without an init. One
 * whose process is ending is waited for, `patienceMs` at most. Disposing gives the directory back.
 *
 * It does not see processes of other machines or containers that share the directory: their pids mean nothing here.
 */
export const lockDataDirectory = async (
  directory: string,
  patienceMs: number = defaultPatienceMs,
): Promise<AsyncDisposable> => {
  const path = join(directory, 'kith.lock');
  const own = JSON.stringify({
    pid: process.pid,
    started: (await statOf(process.pid))?.started ?? null,
    token: randomUUID(),
  });
  await hold(directory, path, own, patienceMs);
  return { [Symbol.asyncDispose]: () => removeIf(path, own) };
};

const maxAttempts = 20;
const defaultPatienceMs = 1000;
const pauseMs = 25;

/**
 * Makes the file with its content, in one step and only if it is not there. A stale file may be removed only by a
 * process that holds a second lock, named after the content of the stale file, and then finds the file unchanged.
 * Otherwise, of two processes that see the stale file, the slower one would remove the new lock of the faster one.
 */
const hold = async (directory: string, path: string, own: string, patienceMs: number): Promise<void> => {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    if (await create(path, own)) return;
    const found = await read(path);
    if (found === undefined) continue;
    const holder = parseHolder(found);
    if (holder !== undefined && !(await isGone(holder, patienceMs)))
      throw new DataDirectoryInUse(directory, holder.pid);
    const claim = `${path}.${createHash('sha256').update(found).digest('hex').slice(0, 16)}`;
    await hold(directory, claim, own, patienceMs);
    await removeIf(path, found);
    await removeIf(claim, own);
  }
  throw new Error(`the lock of the data directory ${directory} could not be had`);
};

type Holder = { readonly pid: number; readonly started: string | null };

const create = async (path: string, content: string): Promise<boolean> => {
  // A link appears with its content, where a file that is created and then written would be empty for a moment.
  const complete = `${path}.${randomUUID()}`;
  await writeFile(complete, content, { flag: 'wx', mode: 0o600 });
  try {
    await link(complete, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await unlink(complete);
  }
};

const read = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};

const removeIf = async (path: string, content: string): Promise<void> => {
  if ((await read(path)) === content) await unlink(path);
};

const parseHolder = (content: string): Holder | undefined => {
  try {
    const holder: unknown = JSON.parse(content);
    if (typeof holder !== 'object' || holder === null) return undefined;
    const { pid, started } = holder as { readonly pid?: unknown; readonly started?: unknown };
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    return { pid, started: typeof started === 'string' ? started : null };
  } catch {
    return undefined;
  }
};

/** A process that was killed, or told to end, takes a moment for it. This one never ends while it waits. */
const isGone = async (holder: Holder, patienceMs: number): Promise<boolean> => {
  const untilMs = performance.now() + patienceMs;
  while (await isAlive(holder)) {
    if (holder.pid === process.pid || performance.now() >= untilMs) return false;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return true;
};

const isAlive = async ({ pid, started }: Holder): Promise<boolean> => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Only this code says that there is no such process. EPERM means that it belongs to another user, and Deno may not
    // allow us to ask.
    if (isCode(error, 'ESRCH')) return false;
  }
  const now = await statOf(pid);
  if (now === null) return true;
  return !now.hasEnded && (started === null || started === now.started);
};

type Stat = { readonly started: string; readonly hasEnded: boolean };

/**
 * When a process started, as boot and clock ticks since then, and whether it is a zombie: it has ended, but its parent has
 * not asked how. While threads of it are left (field 20) it may still write. `null` where there is no /proc (proc(5)).
 */
const statOf = async (pid: number): Promise<Stat | null> => {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '?', threads, started] = [fields[0], fields[17], fields[19]];
    return { started: `${boot.trim()}/${started}`, hasEnded: 'ZXx'.includes(state) && Number(threads) <= 1 };
  } catch {
    return null;
  }
};

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
