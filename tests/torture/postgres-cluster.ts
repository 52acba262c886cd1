import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/redis-server.ts';
import { adopt, end, isRunning, removeFolder, temporaryFolder } from './children.ts';
import { connectTo, type Sql } from './sql.ts';

/** A PostgreSQL of one's own in a temporary directory, without durability; gone when disposed. */
export interface PostgresCluster extends AsyncDisposable {
  readonly port: number;
  /** Past every proxy. */
  readonly sql: Sql;
  /** SIGKILL to every process of it; resolves when they are gone. */
  kill(): Promise<void>;
  /** After `kill`: recovers what was committed; resolves when it answers. */
  start(): Promise<void>;
  /** SIGSTOP to every process of it: connections stay, answers do not come. */
  hang(): void;
  /** SIGCONT. */
  resume(): void;
}

const hint = 'initdb was not found: install PostgreSQL 13 or later (Debian: apt-get install postgresql)';

/** Where the programs are: the newest of Debian's folders, else the path. */
export const programs = (): string => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(root, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? '';
};

/** PostgreSQL refuses to run as root. */
export const owner = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const id = (option: string): number =>
    Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

/** `more`: further settings, like `{ max_connections: '400' }`. */
export const openPostgresCluster = async (
  more: Readonly<Record<string, string>> = {},
): Promise<PostgresCluster> => {
  const bin = programs();
  const user = owner();
  const directory = temporaryFolder('postgres');
  if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid);
  const remove = (): void => removeFolder(directory);
  const options = { ...user, cwd: directory, stdio: 'ignore' as const };
  const data = join(directory, 'data');
  try {
    execFileSync(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
      options,
    );
  } catch (error) {
    remove();
    throw new Error(hint, { cause: error });
  }
  const port = await freePort();
  const settings = {
    fsync: 'off',
    max_connections: '200',
    listen_addresses: '127.0.0.1',
    port: `${port}`,
    unix_socket_directories: directory,
    ...more,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const sql = connectTo(port);
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const started = adopt(spawn(join(bin, 'postgres'), ['-D', data, ...flags], options), 'SIGQUIT');
    server = started;
    for (let attempt = 0; attempt < 200 && isRunning(started); attempt++) {
      if (await sql.answers()) return;
      await sleep(50);
    }
    throw new Error('the PostgreSQL of the run did not start within 10 s');
  };
  const kill = async (): Promise<void> => {
    const gone = server;
    const all = processesOf(gone);
    server = undefined;
    if (gone === undefined || all.length === 0) return;
    const exited = new Promise((resolve) => gone.once('exit', resolve));
    signal(all, 'SIGKILL');
    await exited;
    // Those that it started hold its memory for a moment longer; a new one refuses to start beside them.
    for (let attempt = 0; attempt < 500 && !all.every(isGone); attempt++) await sleep(10);
  };
  const close = async (): Promise<void> => {
    await sql[Symbol.asyncDispose]();
    signal(processesOf(server), 'SIGCONT');
    if (server !== undefined) await end(server, 'SIGQUIT');
    remove();
  };
  const cluster = {
    port,
    sql,
    kill,
    start,
    hang: () => signal(processesOf(server), 'SIGSTOP'),
    resume: () => signal(processesOf(server), 'SIGCONT'),
    [Symbol.asyncDispose]: close,
  };
  try {
    await start();
    return cluster;
  } catch (error) {
    await close();
    throw error;
  }
};

/** The server first, so that it starts no more; then those whom it started, one a connection. */
const processesOf = (server: ChildProcess | undefined): readonly number[] => {
  if (server?.pid === undefined || !isRunning(server)) return [];
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8');
  return [server.pid, ...children.split(' ').filter(Boolean).map(Number)];
};

/** One that ended and that nobody has asked about yet holds nothing. */
const isGone = (pid: number): boolean => {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
};

const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended meanwhile.
    }
  }
};
