import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import { idsOf, needPgBouncer } from '../../scripts/servers.ts';
import { freePort } from './redis-server.ts';

export type PoolMode = 'session' | 'transaction';

/** A real PgBouncer in front of a database, gone when disposed. */
export type PgBouncer = AsyncDisposable & { readonly address: PostgresAddress };

export const openPgBouncer = async (
  { host, port, user, database }: PostgresAddress,
  mode: PoolMode,
  { ignored = [], poolSize = 20 }: { readonly ignored?: readonly string[]; readonly poolSize?: number } = {},
): Promise<PgBouncer> => {
  const program = needPgBouncer();
  const listenPort = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'kith-pgbouncer-'));
  const file = join(directory, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=${host} port=${port} user=${user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
${ignored.length > 0 ? `ignore_startup_parameters = ${ignored.join()}` : ''}
default_pool_size = ${poolSize}
server_login_retry = 1
`,
  );
  await chmod(directory, 0o755);
  // It refuses to run as root.
  const identity = process.getuid?.() === 0 ? idsOf('postgres') : {};
  const child = spawn(program, [file], { ...identity, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  const up = Promise.withResolvers<void>();
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
    if (said.includes('process up')) up.resolve();
  });
  await Promise.race([
    up.promise,
    exited.then(() => {
      throw new Error(`PgBouncer ended: ${said}`);
    }),
  ]);
  return {
    address: { host: '127.0.0.1', port: listenPort, user, password: null, database, tls: { mode: 'off' } },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
};
