import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { needRedis } from '../../../scripts/servers.ts';
import { redisAcl } from '../../security/least-privilege.ts';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { freePort, openRedis } from '../../support/redis-server.ts';
import { doctorIn, type Report, type Scene } from './scenes.ts';

const at = (port: number, more: Readonly<Record<string, string>> = {}): Promise<Report> =>
  doctorIn({ REDIS_URL: `redis://127.0.0.1:${port}`, ...more });

const mebibyte = 2 ** 20;

/** What answers every command, from whomever, with these bytes. */
const answering = async (bytes: string): Promise<Report> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    return await at(typeof address === 'object' && address !== null ? address.port : 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
};

/** Its user may what `acl` says. */
const asUser = async (...acl: readonly string[]): Promise<Report> => {
  await using redis = await openRedis();
  await redis.command('ACL', 'SETUSER', 'kith', ...acl);
  return await doctorIn({ REDIS_URL: `redis://kith:hunter2hunter2@127.0.0.1:${redis.port}` });
};

const behind = async (
  fault: Parameters<Awaited<ReturnType<typeof openFaultProxy>>['set']>[0],
  more?: Readonly<Record<string, string>>,
): Promise<Report> => {
  await using redis = await openRedis();
  await using proxy = await openFaultProxy(redis.address);
  proxy.set(fault);
  return await at(proxy.port, more);
};

/** Its own field of INFO, whose number is moved by this much. */
const movedClock = (seconds: number) => (answer: string) =>
  answer.replace(
    /server_time_usec:(\d+)/,
    (_, micros: string) => `server_time_usec:${Number(micros) + seconds * 1e6}`,
  );

const ofAnswers: readonly Scene[] = [
  { name: 'no Redis', codes: ['redis-unreachable'], examine: () => at(1) },
  {
    name: 'another password',
    codes: ['redis-login-refused'],
    examine: () => asUser('on', '>another', '~*', '+@all'),
  },
  {
    name: 'a user who may nothing',
    codes: ['redis-not-permitted'],
    examine: () => asUser('on', '>hunter2hunter2', '~*', '-@all', '+hello', '+auth'),
  },
  {
    name: 'something that is no Redis',
    codes: ['redis-foreign'],
    examine: () => answering("-ERR unknown command 'HELLO'\r\n"),
  },
  {
    name: 'a Redis that has just been started',
    codes: ['redis-loading'],
    examine: () => answering('-LOADING Redis is loading the dataset in memory\r\n'),
  },
  {
    name: 'a replica that lost its primary',
    codes: ['redis-failing'],
    examine: async () => {
      await using redis = await openRedis();
      await redis.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
      await redis.command('REPLICAOF', '127.0.0.1', '1');
      return await at(redis.port);
    },
  },
];

const ofServers: readonly Scene[] = [
  {
    name: 'a Redis with the settings that it comes with, that nobody copies',
    codes: ['redis-unlimited', 'redis-snapshots', 'redis-evicts-fences', 'replicas-too-few'],
    examine: async () => {
      await using redis = await openRedis(['--maxmemory-policy', 'allkeys-random']);
      await redis.command('CONFIG', 'SET', 'save', '3600 1');
      return await at(redis.port, { REDIS_WAIT_REPLICAS: '2' });
    },
  },
  {
    name: 'a full Redis with a file and a replica',
    codes: ['redis-append-only', 'redis-evicts-oldest', 'redis-full', 'replicas-not-awaited'],
    examine: async () => {
      await using redis = await openRedis(['--maxmemory-policy', 'allkeys-lru']);
      await using _replica = await openRedis(['--replicaof', `127.0.0.1 ${redis.port}`]);
      while (!String(await redis.command('INFO', 'replication')).includes('state=online'))
        await new Promise((resolve) => setTimeout(resolve, 100));
      await redis.command('CONFIG', 'SET', 'appendonly', 'yes');
      await redis.command('CONFIG', 'SET', 'maxmemory', '1kb');
      return await at(redis.port);
    },
  },
  {
    name: 'a replica',
    codes: ['redis-replica'],
    examine: async () => {
      await using redis = await openRedis();
      await using replica = await openRedis(['--replicaof', `127.0.0.1 ${redis.port}`]);
      return await at(replica.port);
    },
  },
  {
    name: 'a Redis that is nearly full',
    codes: ['redis-nearly-full'],
    examine: async () => {
      await using redis = await openRedis();
      await redis.command('SETRANGE', 'large', String(50 * mebibyte), 'x');
      const [, used = ''] = /used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory'))) ?? [];
      await redis.command('CONFIG', 'SET', 'maxmemory', String(Number(used) + 2 * mebibyte));
      return await at(redis.port);
    },
  },
  {
    name: 'a user with some rights, but not all',
    codes: ['redis-rights-missing', 'redis-persistence-unknown'],
    examine: () => asUser(...redisAcl('hunter2hunter2'), '-unlink'),
  },
  {
    name: 'cluster mode',
    codes: ['redis-cluster'],
    examine: async () => {
      await using cluster = await openRedis(['--cluster-enabled', 'yes']);
      return await at(cluster.port);
    },
  },
  {
    name: 'a sentinel',
    codes: ['redis-sentinel'],
    examine: async () => {
      await using sentinel = await openSentinel();
      return await at(sentinel.port);
    },
  },
  {
    name: 'a Redis that says that it is older, and has another time',
    codes: ['redis-too-old', 'clocks-wrong'],
    examine: () =>
      behind({
        rewrite: (answer) => movedClock(120)(answer).replace(/redis_version:\d/, 'redis_version:5'),
      }),
  },
  {
    name: 'a Redis whose clock is not set',
    codes: ['clocks-unequal'],
    examine: () => behind({ rewrite: movedClock(12) }),
  },
  {
    name: 'a Redis without a clock',
    codes: ['clock-unknown'],
    examine: () => behind({ rewrite: (answer) => answer.replace('server_time_usec', 'server_time_none') }),
  },
  {
    name: 'a Redis in another city',
    codes: ['redis-far'],
    examine: () => behind({ latencyMs: 80 }, { REDIS_COMMAND_TIMEOUT_MS: '600' }),
  },
  {
    name: 'a Redis on another continent',
    codes: ['redis-too-far'],
    examine: () => behind({ latencyMs: 80 }),
  },
];

/** A real Sentinel, which wants a file that it may write. */
const openSentinel = async (): Promise<AsyncDisposable & { readonly port: number }> => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  await writeFile(file, `port ${port}\nbind 127.0.0.1\ndir ${directory}\n`);
  const child: ChildProcess = spawn(process.env['TEST_REDIS_SERVER'] ?? needRedis(), [file, '--sentinel'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (text: Buffer) => {
      if (String(text).includes('Sentinel ID is')) resolve();
    });
    void exited.then(() => resolve());
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
};

export const scenesOfRedis: readonly Scene[] = [...ofAnswers, ...ofServers];
