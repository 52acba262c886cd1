/**
 * `kith`: starts the server, examines its configuration, database and Redis, and asks a running server. Exit codes: 0 good,
 * 1 bad, 2 not understood, 78 refused configuration.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseEnv } from 'node:util';
import { version } from '../adapters/http/version.ts';
import { lineOf, machineReason, messageOf, Told } from '../adapters/system/messages.ts';
import { nameOfThrown } from '../domain/faults.ts';
import { type Command, type ExitCode, type Terminal, table, UsageError } from './command.ts';
import { doctor } from './doctor.ts';
import { explain } from './explain.ts';
import { invalidate } from './invalidate.ts';
import { migrate } from './migrate.ts';
import { restored } from './restored.ts';
import { start } from './start.ts';

const commands: Readonly<Record<string, Command>> = {
  start,
  doctor,
  explain,
  invalidate,
  migrate,
  restored,
};

const overview = `Users and their contacts behind a cache that does not lie.

usage: kith <command> [options]

${table(Object.entries(commands).map(([name, { summary }]) => [`  ${name}`, summary]))}
  kith <command> --help   what it takes and what it prints
  kith --version

Everywhere: --env <file> reads environment variables from a file (KEY=value lines); those that are set already win. Secrets are
read from the environment or from files, never from the command line.
Exit codes: 0 good, 1 bad, 2 the command was not understood, 78 nothing but another configuration helps. Each line of trouble
ends with a code in brackets: docs/command-line.md has them all.
`;

const terminal: Terminal = {
  environment: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

const run = async (args: readonly string[]): Promise<ExitCode | undefined> => {
  const [name = '', ...rest] = withEnvironmentFile(args);
  if (name === '--version' || name === '-v') {
    terminal.out(`${version}\n`);
    return 0;
  }
  if (name === '' || name === '--help' || name === '-h' || name === 'help') {
    terminal[name === '' ? 'err' : 'out'](overview);
    return name === '' ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(messageOf('command-unknown', { name }));
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(`${command.summary}\n\n${command.help}`);
    return 0;
  }
  return command.run(rest, terminal);
};

/**
 * Puts the variables of the file after `--env` into the environment, and returns the other arguments. It is not called
 * `--env-file`, because Node takes that as its own option even after the name of the script.
 */
const withEnvironmentFile = (args: readonly string[]): readonly string[] => {
  const at = args.findIndex((arg) => arg === '--env' || arg.startsWith('--env='));
  if (at < 0) return args;
  const [, inline] = /^--env=(.*)$/.exec(args[at] ?? '') ?? [];
  const path = inline ?? args[at + 1];
  if (path === undefined || path === '') throw UsageError.of('--env needs the path of a file');
  for (const [name, value] of Object.entries(parseEnv(readText(path)))) process.env[name] ??= value;
  return args.toSpliced(at, inline === undefined ? 2 : 1);
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = machineReason(error) ?? 'unknown';
    throw new UsageError(messageOf('env-file-unreadable', { reason: code }));
  }
};

const main = async (): Promise<void> => {
  try {
    const code = await run(process.argv.slice(2));
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    const told = error instanceof Told ? error.told : [messageOf('crashed', { error: nameOfThrown(error) })];
    for (const each of told) terminal.err(lineOf(each));
    process.exitCode = told[0]?.exit ?? 1;
  }
};

await main();
