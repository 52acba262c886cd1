import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-url.ts';
import type { Command } from '../../cli/command.ts';
import { Secret } from '../../domain/secret.ts';

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
