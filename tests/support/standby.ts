import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import { adopt, end, isRunning, removeFolder, temporaryFolder } from '../torture/children.ts';
import { owner, programs } from '../torture/postgres-cluster.ts';
import { connectTo, type Sql, sql as statement } from '../torture/sql.ts';
import { freePort } from './redis-server.ts';

/** A server of a pair. */
export type Member = {
  readonly port: number;
  readonly address: PostgresAddress;
  readonly sql: Sql;
  start(): Promise<void>;
  /** In order, as an operator does. */
  stop(): Promise<void>;
  /** SIGQUIT: as good as a crash. */
  crash(): Promise<void>;
};

/** A primary and a standby that streams from it, asynchronously; gone when disposed. */
export type Pair = AsyncDisposable & {
  readonly primary: Member;
  readonly standby: Member;
  /** From now on the standby gets nothing any more. */
  cutOff(): Promise<void>;
  /** Resolves when the standby takes writes. */
  promote(): Promise<void>;
};

export const openPair = async (): Promise<Pair> => {
  await using opening = new AsyncDisposableStack();
  const user = owner();
  const folder = temporaryFolder('pair');
  opening.defer(() => removeFolder(folder));
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const run = (program: string, ...values: string[]): unknown =>
    execFileSync(join(programs(), program), values, { ...user, cwd: folder, stdio: 'ignore' });

  const member = async (name: string): Promise<Member> => {
    const port = await freePort();
    const sockets = join(folder, `${name}-sockets`);
    mkdirSync(sockets);
    if (user.uid !== undefined && user.gid !== undefined) chownSync(sockets, user.uid, user.gid);
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${sockets}`];
    const flags = [...settings, 'fsync=off', 'max_connections=200'].flatMap((each) => ['-c', each]);
    const sql = opening.use(connectTo(port));
    let server: ReturnType<typeof spawn> | undefined;
    const halt = async (signal: NodeJS.Signals): Promise<void> => {
      const gone = server;
      server = undefined;
      if (gone !== undefined) await end(gone, signal);
    };
    opening.defer(() => halt('SIGQUIT'));
    return {
      port,
      sql,
      address: {
        host: '127.0.0.1',
        port,
        user: 'postgres',
        password: null,
        database: 'postgres',
        tls: { mode: 'off' },
      },
      async start() {
        const options = { ...user, cwd: folder, stdio: 'ignore' as const };
        const started = adopt(
          spawn(join(programs(), 'postgres'), ['-D', join(folder, name), ...flags], options),
          'SIGQUIT',
        );
        server = started;
        for (let attempt = 0; attempt < 400 && isRunning(started); attempt++) {
          if (await sql.answers()) return;
          await sleep(50);
        }
        throw new Error(`${name} did not start within 20 s`);
      },
      stop: () => halt('SIGINT'),
      crash: () => halt('SIGQUIT'),
    };
  };

  const primary = await member('primary');
  const standby = await member('standby');
  run('initdb', '-D', join(folder, 'primary'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync');
  await primary.start();
  const from = ['-h', '127.0.0.1', '-p', `${primary.port}`, '-U', 'postgres'];
  run('pg_basebackup', ...from, '-D', join(folder, 'standby'), '-R', '-X', 'stream', '-c', 'fast');
  await standby.start();
  const opened = opening.move();
  return {
    primary,
    standby,
    async cutOff() {
      await standby.sql.run(statement.raw(`alter system set primary_conninfo = ''`));
      await standby.sql.run(statement.raw('select pg_reload_conf()'));
      for (let attempt = 0; attempt < 100; attempt++) {
        if ((await standby.sql.run(statement.raw('select from pg_stat_wal_receiver'))).length === 0) return;
        await sleep(50);
      }
      throw new Error('the standby goes on receiving');
    },
    async promote() {
      await standby.sql.run(statement.raw('select pg_promote(true, 30)'));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
