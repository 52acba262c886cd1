import { parseArgs } from 'node:util';
import { draw, type Scenario, scenarios } from './scenarios.ts';
import { isVariant, type Variant } from './world.ts';

export type Options = {
  readonly seed: number;
  readonly minutes: number;
  readonly scenarios: readonly Scenario[];
  readonly variant: Variant;
  readonly processes: number;
  readonly people: number;
  readonly clients: number;
  readonly thinkMs: number;
  /** Where the outcomes go as JSON, too. */
  readonly json: string | undefined;
  /** Where the run goes as JSON lines. */
  readonly history: string | undefined;
  /** A history to be judged instead of a run. */
  readonly judge: string | undefined;
};

export const usage: string = `node tests/torture/main.ts [options]
  --seed <number>       of all chance; printed, so that a run can be repeated as far as timing allows
  --minutes <number>    5 by default
  --scenario <name>     only this one; can be repeated; without it as many as there is time for, drawn by the seed, all of
                        them from 5 minutes on: ${scenarios.map(({ name }) => name).join(', ')}
  --variant <name>      delete-after-commit, open-gate: servers that are known to fail
  --processes <number>  servers, 4 by default
  --people <number>     users, 24 by default
  --clients <number>    at once, 16 by default
  --think <number>      a client's mean pause between two actions in milliseconds, 6 by default
  --json <file>         write the outcomes there, too
  --history <file>      write every operation there, a line of JSON each (tests/torture/README.md)
  --judge <file>        run nothing; judge such a file`;

/** Throws an error that says what was expected. */
export const parseOptions = (args: readonly string[]): Options => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: text,
      minutes: text,
      scenario: { type: 'string', multiple: true },
      variant: text,
      processes: text,
      people: text,
      clients: text,
      think: text,
      json: text,
      history: text,
      judge: text,
    },
  });
  const variant = values.variant ?? 'none';
  if (!isVariant(variant)) throw new Error(`there is no variant ${variant}`);
  const seed = numberIn(values.seed ?? `${Date.now() % 1_000_000}`, 0, 2 ** 32);
  const minutes = numberIn(values.minutes ?? '5', 0.05, 24 * 60);
  const names = values.scenario ?? refuting[variant];
  return {
    seed,
    minutes,
    scenarios: names?.map(scenarioNamed) ?? draw(seed, minutes),
    variant,
    processes: numberIn(values.processes ?? '4', 1, 32),
    people: numberIn(values.people ?? '24', 2, 500),
    clients: numberIn(values.clients ?? '16', 1, 256),
    thinkMs: numberIn(values.think ?? '6', 0, 10_000),
    json: values.json,
    history: values.history,
    judge: values.judge,
  };
};

/** What fails without a fault fails for the reason that is meant; a gate is for standstills and for logs that are not read. */
const refuting: Readonly<Record<Variant, readonly string[] | undefined>> = {
  none: undefined,
  'delete-after-commit': ['calm'],
  'open-gate': ['stall', 'rights-revoked'],
};

const numberIn = (text: string, least: number, most: number): number => {
  const number = Number(text);
  if (text.trim() === '' || !(number >= least && number <= most))
    throw new Error(`a number from ${least} to ${most} is expected, not ${text}`);
  return number;
};

const scenarioNamed = (name: string): Scenario => {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return scenario;
};
