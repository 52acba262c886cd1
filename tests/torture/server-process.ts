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
}

export type ServerOptions = {
  readonly number: number;
  readonly port: number;
  readonly entry: 'composition/main.ts' | 'tests/torture/naive-server.ts';
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const startMs = 20_000;

export const serverProcess = (options: ServerOptions): ServerProcess => {
  const { number, port, entry, environment, logFile } = options;
  let child: ChildProcess | undefined;
  let starts = 0;
  const kill = async (): Promise<void> => {
    starts++;
    if (child !== undefined) await end(child);
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
    async start() {
      const log = createWriteStream(logFile, { flags: 'a' });
      // With the Node that runs us, which may be another than the one on the path.
      const started = adopt(spawn(process.execPath, [entry], { cwd: root, env: { ...environment } }));
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
