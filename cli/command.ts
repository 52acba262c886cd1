import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { lineOf, type Message, messageOf, Told } from '../adapters/system/messages.ts';
import type { Environment } from '../composition/environment.ts';

/** What a command reads and where it writes. */
export type Terminal = {
  readonly environment: Environment;
  /** Standard output: the answer. */
  readonly out: (text: string) => void;
  /** Standard error: everything that is not the answer. */
  readonly err: (text: string) => void;
};

/** 0: good. 1: bad, or it could not be done. 2: the command was not understood. 78: only another configuration helps. */
export type ExitCode = 0 | 1 | 2 | 78;

export type Command = {
  /** One line. */
  readonly summary: string;
  /** Everything else that `--help` says, from "usage" on. */
  readonly help: string;
  /** `undefined`: the process goes on, because a server is running in it. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<ExitCode | undefined>;
};

/** The command was not understood. Its message is for whoever typed it. */
export class UsageError extends Told {
  override readonly name = 'UsageError';

  /** In words, where the command is known and how it was given is not as it takes it. */
  static of(reason: string): UsageError {
    return new UsageError(messageOf('command-refused', { reason }));
  }
}

/** Tells what a command met instead of doing its work, as JSON if that was asked for; its exit code. */
export const tellFailure = (told: readonly Message[], asJson: boolean, terminal: Terminal): ExitCode => {
  if (asJson) terminal.out(json({ error: told.map(({ what }) => what).join('; '), code: told[0]?.code }));
  else for (const each of told) terminal.err(lineOf(each));
  return told[0]?.exit ?? 1;
};

export type Arguments = {
  readonly text: (name: string) => string | undefined;
  readonly has: (name: string) => boolean;
  readonly positionals: readonly string[];
};

/** Options, and exactly the positional arguments that are named. Throws `UsageError`. */
export const parseArguments = (
  args: readonly string[],
  options: ParseArgsOptionsConfig,
  positionals: readonly string[] = [],
): Arguments => {
  const parsed = parseOrRefuse(args, options);
  // The message does not repeat the argument: it may be a secret that somebody typed in the wrong place.
  if (parsed.positionals.length > positionals.length) throw UsageError.of('too many arguments');
  const missing = positionals[parsed.positionals.length];
  if (missing !== undefined) throw UsageError.of(`${missing} is missing`);
  return {
    text: (name) => {
      const value = parsed.values[name];
      return typeof value === 'string' ? value : undefined;
    },
    has: (name) => parsed.values[name] === true,
    positionals: parsed.positionals,
  };
};

const parseOrRefuse = (args: readonly string[], options: ParseArgsOptionsConfig) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Its codes begin with ERR_PARSE_ARGS; its messages name the option and not its value.
    throw UsageError.of(
      error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'the options were not understood',
    );
  }
};

/** For machines: one line of JSON. */
export const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Rows of text, each column as wide as its widest cell. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const widths = rows.reduce<readonly number[]>(
    (widest, row) => row.map((cell, at) => Math.max(widest[at] ?? 0, cell.length)),
    [],
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
};
