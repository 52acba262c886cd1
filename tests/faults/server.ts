import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export type Runtime = 'node' | 'deno';

/** The runtime that the tests are asked to show, which is also the one they run on (tests/runtime.test.ts). */
export const runtimeOfTests = (): Runtime => (process.env['KITH_RUNTIME'] === 'deno' ? 'deno' : 'node');

export type LogLine = { readonly time: string; readonly event: string; readonly [field: string]: unknown };

/** The real server as a process of its own, known by what it says and answers alone. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly opsUrl: string;
  readonly pid: number;
  /** From the start of the process to the line that says that it listens. */
  readonly startMs: number;
  /** What it logged so far. */
  readonly lines: readonly LogLine[];
  /** Everything it wrote, to both outputs. */
  readonly output: string;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it is gone, with its exit code; `null` after a signal. */
  exit(): Promise<number | null>;
  /** Resident memory, in bytes. */
  residentBytes(): number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const inRoot = (path: string): string => `${root}${path}`;

/** Programs, not scripts that start one: signals must reach the server itself. */
export const program = (runtime: Runtime): string => {
  if (runtime === runtimeOfTests()) return process.execPath;
  const installed = inRoot(runtime === 'deno' ? 'node_modules/deno/deno' : 'node_modules/node/bin/node');
  return existsSync(installed) ? installed : inRoot(`node_modules/.bin/${runtime}`);
};

const startDeadlineMs = 30_000;
const running = new Set<ChildProcessByStdio<null, Readable, Readable>>();
process.on('exit', () => {
  for (const { pid } of running) if (pid !== undefined) process.kill(pid, 'SIGKILL');
});

export type ServerOptions = {
  readonly runtime: Runtime;
  readonly environment: Readonly<Record<string, string>>;
  /** A module that runs before the server. */
  readonly preload?: string;
  /** So that the module can collect garbage. */
  readonly exposeGc?: boolean;
};

export type Output = { text: string; readonly lines: LogLine[] };

export type Spawned = {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly output: Output;
  readonly exited: Promise<void>;
};

/** Starts a server; it may end at once. */
export const spawnServer = ({ runtime, environment, preload, exposeGc }: ServerOptions): Spawned => {
  const main = inRoot('composition/main.ts');
  const before = preload === undefined ? [] : [runtime === 'deno' ? '--preload' : '--import', preload];
  const gc = exposeGc === true ? [runtime === 'deno' ? '--v8-flags=--expose-gc' : '--expose-gc'] : [];
  const args = runtime === 'deno' ? ['run', '--allow-all', ...gc, ...before, main] : [...gc, ...before, main];
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(program(runtime), args, {
    cwd: root,
    env: { PATH, HOME, HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const exited = once(child, 'exit').then(() => void running.delete(child));
  const output = collect(child.stdout, child.stderr);
  return { child, output, exited };
};

/** Starts a server and waits until it listens. */
export const startServer = async (options: ServerOptions): Promise<ServerProcess> => {
  const atMs = performance.now();
  const { child, output, exited } = spawnServer(options);
  const signal = (name: NodeJS.Signals): void => {
    // Not by `child.kill`: Deno then says that the signal ended the process, whatever its exit code.
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(child.pid, name);
    }
  };
  const exit = async (): Promise<number | null> => {
    await exited;
    return child.exitCode;
  };
  let started: LogLine | undefined;
  while (started === undefined) {
    started = output.lines.find(({ event }) => event === 'started');
    if (child.exitCode !== null || performance.now() - atMs > startDeadlineMs) {
      throw new Error(`the server did not start: ${output.text}`);
    }
    if (started === undefined) await sleep(5);
  }
  const startMs = performance.now() - atMs;
  const pid = child.pid ?? 0;
  return {
    url: String(started['url']),
    opsUrl: String(started['opsUrl']),
    pid,
    startMs,
    lines: output.lines,
    get output() {
      return output.text;
    },
    signal,
    exit,
    residentBytes: () => residentBytes(pid),
    async [Symbol.asyncDispose]() {
      signal('SIGCONT');
      signal('SIGKILL');
      await exited;
    },
  };
};

const collect = (...streams: readonly Readable[]): Output => {
  const output: Output = { text: '', lines: [] };
  for (const stream of streams) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.text += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) output.lines.push(parseLine(line));
    });
  }
  return output;
};

const parseLine = (line: string): LogLine => JSON.parse(line) as LogLine;

/** The field VmRSS of proc(5); 0 where there is no /proc. */
const residentBytes = (pid: number): number => {
  try {
    return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
};
