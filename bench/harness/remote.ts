import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Settings, SubjectName } from './subject.ts';

/** A subject in its process. */
export interface Remote extends AsyncDisposable {
  readonly pid: number;
  /** Sends one command and waits for its answer. One at a time. */
  call(command: string, argument?: number): Promise<Answer>;
}

const main = fileURLToPath(new URL('./subject-main.ts', import.meta.url));

/** Starts a subject's process; resolves when it is open. `runtimeOptions` are the runtime's own, like `--expose-gc`. */
export const openRemote = async (
  { file, name }: SubjectName,
  settings: Settings,
  runtimeOptions: readonly string[] = [],
): Promise<Remote> => {
  const child = fork(main, [file, name, JSON.stringify(settings)], {
    // What a peer says at its start is not for the table.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...(runtimeOptions.length > 0 && { execArgv: [...runtimeOptions] }),
  });
  await answerOf(child, `${file} ${name}`);
  return {
    pid: child.pid ?? 0,
    call: async (command, argument = 0) => {
      child.send({ command, argument });
      return parseAnswer(await answerOf(child, `${name} ${command}`));
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
};

const answerOf = async (child: ChildProcess, what: string): Promise<unknown> => {
  const over = new AbortController();
  const exit = once(child, 'exit', over).then(([code, signal]) => {
    throw new Error(`${what}: its process ended (${code ?? signal})`);
  });
  try {
    const [message]: unknown[] = await Promise.race([once(child, 'message', over), exit]);
    if (typeof message === 'object' && message !== null && 'failed' in message)
      throw new Error(`${what}: ${message.failed}`);
    return message;
  } finally {
    exit.catch(() => undefined);
    over.abort();
  }
};

const parseAnswer = (message: unknown): Answer => message as Answer;
