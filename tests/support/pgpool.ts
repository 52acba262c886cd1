import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import { idsOf, needPgpool } from '../../scripts/servers.ts';
import { freePort } from './redis-server.ts';

/** A real Pgpool-II, gone when disposed. */
export type Pgpool = AsyncDisposable & { readonly address: PostgresAddress };

/**
 * In front of a primary and a standby, with load balancing on for each statement, as the popular image has it; every read
 * that may be split goes to the standby.
 */
export const openPgpool = async (primary: PostgresAddress, standby: PostgresAddress): Promise<Pgpool> => {
  const program = needPgpool();
  const [port, pcpPort] = [await freePort(), await freePort()];
  const directory = await mkdtemp(join(tmpdir(), 'kith-pgpool-'));
  const backends = [primary, standby].map(
    (backend, n) => `backend_hostname${n} = '${backend.host}'
backend_port${n} = ${backend.port}
backend_weight${n} = ${n}
backend_flag${n} = 'DISALLOW_TO_FAILOVER'
`,
  );
  await writeFile(
    join(directory, 'pgpool.conf'),
    `backend_clustering_mode = 'streaming_replication'
listen_addresses = '127.0.0.1'
port = ${port}
pcp_port = ${pcpPort}
pcp_listen_addresses = '127.0.0.1'
unix_socket_directories = '${directory}'
pcp_socket_dir = '${directory}'
pid_file_name = '${join(directory, 'pgpool.pid')}'
work_dir = '${directory}'
num_init_children = 40
max_pool = 1
load_balance_mode = on
statement_level_load_balance = on
sr_check_period = 1
sr_check_user = 'postgres'
sr_check_database = 'postgres'
enable_pool_hba = off
${backends.join('')}`,
  );
  for (const name of ['pcp.conf', 'pool_passwd']) await writeFile(join(directory, name), '');
  await chmod(directory, 0o777);
  const identity = process.getuid?.() === 0 ? idsOf('postgres') : {};
  const flags = ['-n', '-f', join(directory, 'pgpool.conf'), '-F', join(directory, 'pcp.conf')];
  const child = spawn(program, flags, { ...identity, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + String(chunk)).slice(-4000);
  });
  for (let attempt = 0; attempt < 200 && !(await listens(port)); attempt++) {
    if (child.exitCode !== null) throw new Error(`Pgpool ended: ${said}`);
    await sleep(50);
  }
  return {
    address: { ...primary, host: '127.0.0.1', port },
    async [Symbol.asyncDispose]() {
      // "Fast": it ends its children, which SIGKILL would leave behind.
      child.kill('SIGINT');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
};

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
