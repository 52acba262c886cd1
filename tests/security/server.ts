import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { watch, watchOnce } from '../support/canaries.ts';
import { denoPermissions } from './least-privilege.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const require = createRequire(import.meta.url);

/** The runtimes that come with the install, whatever this process runs in. */
export const programs: Readonly<Record<'node' | 'deno', string>> = {
  node: join(dirname(require.resolve('node/package.json')), 'bin/node'),
  deno: join(root, 'node_modules/.bin/deno'),
};

export type Server = AsyncDisposable & {
  readonly port: number;
  readonly opsPort: number;
  readonly url: string;
  readonly pid: number;
  /** Everything that it has printed. */
  output(): string;
  /** Ends it as an operator would; its exit code. */
  stop(): Promise<number | null>;
};

/** The server as a process of its own, on free ports, with a directory that goes with it. */
export const startServer = async (
  runtime: 'node' | 'deno',
  environment: Readonly<Record<string, string>> = {},
  [program, ...settings]: readonly [string, ...string[]] = ['composition/main.ts'],
): Promise<Server> => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-server-'));
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, PORT: '0', OPS_PORT: '0', DATA_DIR: directory, NO_COLOR: '1', ...environment };
  const main = join(root, program);
  const args =
    runtime === 'deno'
      ? ['run', ...denoPermissions({ files: root, data: directory, net: '127.0.0.1' }), main, ...settings]
      : [main, ...settings];
  const child = spawn(programs[runtime], args, { env, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const see = watch('output of processes');
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      see(text);
      output += text;
    });
  }
  const { url, opsUrl } = await started(child, () => output);
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const metrics = await fetch(`${opsUrl}/metrics`, { signal: AbortSignal.timeout(2000) }).catch(
        () => null,
      );
      if (metrics?.ok) watchOnce('metrics', await metrics.text());
      const exited = once(child, 'exit');
      if (child.pid !== undefined) process.kill(child.pid, 'SIGINT');
      await exited;
    }
    await rm(directory, { recursive: true, force: true });
    return child.exitCode;
  };
  return {
    url,
    port: Number(new URL(url).port),
    opsPort: Number(new URL(opsUrl).port),
    pid: child.pid ?? 0,
    output: () => output,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
};

const started = async (child: ChildProcess, output: () => string) => {
  for (let waited = 0; waited < 3000; waited++) {
    const [, url, opsUrl] = /"event":"started","url":"([^"]+)","opsUrl":"([^"]+)"/.exec(output()) ?? [];
    if (url !== undefined && opsUrl !== undefined) return { url, opsUrl };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill('SIGKILL');
  throw new Error(`the server did not start: ${output()}`);
};
