import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { RedisAddress } from '../../adapters/redis/redis-url.ts';
import { isWatched, watch } from './canaries.ts';

/** A real Redis of one's own: on a free port, in a directory of its own, without persistence. Gone with the test. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly address: RedisAddress;
  /** SIGSTOP: connections stay, answers do not come. */
  hang(): void;
  /** SIGCONT. */
  resume(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same port, empty. */
  start(): Promise<void>;
  /** One command on a connection of its own. */
  command(...args: readonly string[]): Promise<unknown>;
}

/** Each takes a connection. */
const maxShown = 200;

const running = new Set<ChildProcess>();
// A test runner that is stopped in the middle leaves nothing behind, not even a server that was stopped by SIGSTOP.
process.on('exit', () => {
  for (const child of running) signal(child, 'SIGKILL');
});

/** By pid: on Deno `child.kill` does nothing more once it has sent a signal. */
const signal = (child: ChildProcess | undefined, name: NodeJS.Signals): void => {
  if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(child.pid, name);
};

export const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
};

/** Starts a Redis with further settings, like `['--requirepass', 'x']`; not yet, if `startNow` is false. */
export const openRedis = async (settings: readonly string[] = [], startNow = true): Promise<RedisServer> => {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'kith-redis-'));
  let child: ChildProcess | undefined;

  const password = settings[settings.indexOf('--requirepass') + 1];
  const isSecured = settings.includes('--requirepass') && password !== undefined;
  const command = async (...args: readonly string[]): Promise<unknown> => {
    const socket = { host: '127.0.0.1', port, reconnectStrategy: false as const, connectTimeout: 1000 };
    const client = createClient({ socket, ...(isSecured && { password }) });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  };

  const start = async (): Promise<void> => {
    const base = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    const started = spawn(process.env['TEST_REDIS_SERVER'] ?? 'redis-server', [...base, ...settings], {
      stdio: 'ignore',
    });
    child = started;
    running.add(started);
    let missing = false;
    started.once('error', () => {
      missing = true;
    });
    started.once('exit', () => running.delete(started));
    for (let attempt = 0; attempt < 200; attempt++) {
      if (missing)
        throw new Error('redis-server was not found: install Redis 6.2 or later and put it on the PATH');
      const isUp = await command('PING').then(
        () => true,
        () => false,
      );
      if (isUp) {
        await observe(port, isSecured ? password : undefined);
        return;
      }
      await sleep(25);
    }
    throw new Error('redis-server did not start within 5 s');
  };

  const kill = async (): Promise<void> => {
    const gone = child;
    child = undefined;
    if (gone === undefined || gone.exitCode !== null || gone.signalCode !== null) return;
    const exited = new Promise((resolve) => gone.once('exit', resolve));
    signal(gone, 'SIGKILL');
    await exited;
  };

  if (startNow) await start();
  return {
    port,
    address: { host: '127.0.0.1', port, tls: false },
    hang: () => signal(child, 'SIGSTOP'),
    resume: () => signal(child, 'SIGCONT'),
    kill,
    start,
    command,
    [Symbol.asyncDispose]: async () => {
      // One that hangs, or is gone, has shown its commands.
      if (isWatched()) await Promise.race([showContents(command).catch(() => undefined), sleep(2000)]);
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
};

/** Watches every command that any client sends, scripts' own included, for as long as the server lives. */
const observe = async (port: number, password: string | undefined): Promise<void> => {
  if (!isWatched()) return;
  const socket = connect({ host: '127.0.0.1', port });
  socket.unref();
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
    socket.write(`${password === undefined ? '' : `AUTH ${password}\r\n`}MONITOR\r\n`);
  });
  socket.setEncoding('utf8').on('data', watch('commands to Redis'));
};

type Command = (...args: readonly string[]) => Promise<unknown>;

/** Every name, and what is under it as Redis would write it to a disk. */
const showContents = async (command: Command): Promise<void> => {
  const see = watch('contents of Redis');
  const names = await command('KEYS', '*');
  for (const name of Array.isArray(names) ? names.slice(0, maxShown).map(String) : []) {
    see(`${name} ${String(await command('GET', name).catch(() => ''))}\n`);
  }
};
