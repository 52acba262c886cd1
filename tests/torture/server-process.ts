import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { adopt, end, isRunning } from './children.ts';

/** A server process of the product, or of a variant that must fail. */
export interface ServerProcess extends AsyncDisposable {
  readonly number: number;
  readonly port: number;
  /** Changes whenever a new process takes over: what one process promises of itself, the next does not. */
  readonly incarnation: string;
  /** SIGSTOP: everything stays, nothing moves. */
  stop(): void;
  /** SIGCONT. */
  resume(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Ends it as an operator does (SIGTERM) and starts it with what was changed; with nothing changed by default. */
  restart(change?: Change): Promise<void>;
}

/** What is other than usual in a server until it is restarted: settings, and a module that runs before it. */
export type Change = {
  readonly settings?: Readonly<Record<string, string>>;
  readonly preload?: `tests/${string}.ts`;
};

export type ServerOptions = {
  readonly number: number;
  readonly port: number;
  readonly entry: 'composition/main.ts' | 'tests/torture/naive-server.ts';
  /** Of a variant that must fail: runs before the server, always. */
  readonly preload?: Change['preload'];
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const startMs = 20_000;

export const serverProcess = (options: ServerOptions): ServerProcess => {
  const { number, port, entry, environment, logFile } = options;
  let child: ChildProcess | undefined;
  let starts = 0;
  let changed: Change = {};
  const kill = async (): Promise<void> => {
    starts++;
    if (child !== undefined) await end(child);
  };
  const start = async (): Promise<void> => {
    const log = createWriteStream(logFile, { flags: 'a' });
    const preloads = [options.preload, changed.preload].filter((preload) => preload !== undefined);
    const args = [...preloads.flatMap((preload) => ['--import', `./${preload}`]), entry];
    const env = { ...environment, ...changed.settings };
    // With the Node that runs us, which may be another than the one on the path.
    const started = adopt(spawn(process.execPath, args, { cwd: root, env }));
    started.stdout?.pipe(log, { end: false });
    started.stderr?.pipe(log, { end: false });
    child = started;
    const untilMs = performance.now() + startMs;
    while (isRunning(started) && performance.now() < untilMs) {
      if ((await statusOf(port, '/health/ready')) === 200) return;
      await sleep(50);
    }
    const said = await readFile(logFile, 'utf8');
    throw new Error(`server ${number} did not become ready within ${startMs} ms; it said:\n${said}`);
  };
  return {
    number,
    port,
    get incarnation() {
      return `${number}.${starts}`;
    },
    stop: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill,
    start,
    async restart(change = {}) {
      starts++;
      if (child !== undefined) await end(child, 'SIGTERM');
      changed = change;
      await start();
    },
    [Symbol.asyncDispose]: kill,
  };
};

const statusOf = (port: number, path: string): Promise<number> =>
  new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(0));
  });
