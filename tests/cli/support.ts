import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import type { Command } from '../../cli/command.ts';
import { Secret } from '../../domain/secret.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import type { TestDatabase } from '../support/postgres.ts';

const main = fileURLToPath(new URL('../../cli/kith.js', import.meta.url));

export type Outcome = { readonly code: number | undefined; readonly out: string; readonly err: string };
type Variables = Readonly<Record<string, string>>;

/** The command line as a process, on the runtime that this is. */
export const kith = (args: readonly string[], environment: Variables = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const { PATH = '', HOME = '' } = process.env;
    const prefix = 'Deno' in globalThis ? ['run', '--allow-all', main] : [main];
    const env = { PATH, HOME, NO_COLOR: '1', ...environment };
    execFile(process.execPath, [...prefix, ...args], { env, timeout: 60_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      resolve({ code, out, err });
    });
  });

/** One command inside this process. */
export const runIn = async (
  command: Command,
  args: readonly string[],
  environment: Variables = {},
): Promise<Outcome> => {
  let [out, err] = ['', ''];
  const code = await command.run(args, {
    environment,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
};

export const urlOf = ({ user, password, host, port, database }: PostgresAddress): string => {
  const secret = password === null ? '' : `:${encodeURIComponent(Secret.reveal(password))}`;
  return `postgres://${user}${secret}@${host}:${port}/${database}`;
};

/** A process that reads the log, as a server does. */
export const reading = async (
  { address }: Pick<TestDatabase, 'address'>,
  boundMs: number,
): Promise<AsyncDisposable & { readonly id: string }> => {
  const opened = await openPostgres({ address }, silentLog);
  const { log: changeLog } = opened;
  await changeLog.begin({ boundMs, retentionMs: 60_000 });
  const id = randomUUID();
  let beat = 0;
  const check = (): Promise<unknown> =>
    changeLog.check({ id, beat: ++beat, answeredBeat: beat - 1, boundMs, last: undefined });
  let checking = check();
  await checking;
  const timer = setInterval(() => {
    checking = check();
  }, 100);
  return {
    id,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await checking;
      await changeLog.leave(id);
      await opened[Symbol.asyncDispose]();
    },
  };
};
