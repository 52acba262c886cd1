/**
 * The servers that the tests talk to: any PostgreSQL that trusts us, and a `redis-server` to start (the tests start their
 * own, to be able to stop them). What is missing is installed where that can be done without asking: as root on Debian.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';

export type PostgresServer = { readonly url: string; stop(): Promise<void> };

const hint = 'apt-get install redis-server postgresql pgbouncer pgpool2 chromium spin build-essential';

/** Where Debian keeps what it does not put into the path, newest first. */
const debianFolders = (): readonly string[] => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root) : [];
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin'));
};

const find = (program: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', ...debianFolders()]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));

/** The paths of programs that have to be there. */
const need = (program: string, debianPackage: string): string => {
  const found = find(program);
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && find('apt-get') !== undefined) {
    const options = { stdio: 'inherit' as const, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], options);
  }
  const installed = find(program);
  if (installed === undefined) throw new Error(`${program} is needed for the tests: ${hint}`);
  return installed;
};

export const needRedis = (): string => need('redis-server', 'redis-server');

export const needChromium = (): string => need('chromium', 'chromium');

export const needPgBouncer = (): string => need('pgbouncer', 'pgbouncer');

export const needPgpool = (): string => need('pgpool', 'pgpool2');

export const needSpin = (): string => need('spin', 'spin');

/** A C compiler with its headers. */
export const needCompiler = (): string => need('gcc', 'build-essential');

/** The server of TEST_DATABASE_URL; or one on the usual port; or one that is started for this run and thrown away. */
export const ensurePostgres = async (): Promise<PostgresServer> => {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => {} };
  const usual = 'postgres://postgres@127.0.0.1:5432/postgres';
  if (answers(usual)) return { url: usual, stop: async () => {} };
  return startPostgres();
};

const answers = (url: string): boolean => {
  const psql = find('psql');
  if (psql === undefined) return false;
  const env = { ...process.env, PGCONNECT_TIMEOUT: '2' };
  return (
    spawnSync(psql, [url, '--no-password', '--command', 'select 1'], { env, stdio: 'ignore' }).status === 0
  );
};

const startPostgres = async (): Promise<PostgresServer> => {
  const initdb = need('initdb', 'postgresql');
  const postgres = need('postgres', 'postgresql');
  const directory = mkdtempSync(join(tmpdir(), 'kith-postgres-'));
  // PostgreSQL refuses to run as root.
  const user: { uid?: number; gid?: number } = process.getuid?.() === 0 ? idsOf('postgres') : {};
  if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const options = { ...user, cwd: directory, stdio: 'ignore' as const };
  execFileSync(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options);
  const port = await freePort();
  const settings = [
    'fsync=off',
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=${directory}`,
  ];
  const server = spawn(postgres, ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], options);
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    server.kill('SIGINT');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  for (let attempt = 0; attempt < 100 && server.exitCode === null; attempt++) {
    if (answers(url)) return { url, stop };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(
    `a PostgreSQL could not be started for the tests; start one and set TEST_DATABASE_URL (${hint})`,
  );
};

export const idsOf = (user: string): { readonly uid: number; readonly gid: number } => {
  const id = (option: string): number => Number(execFileSync('id', [option, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
