import { parseArgs } from 'node:util';
import { type Scenario, scenarios } from './scenarios.ts';
import type { Variant } from './world.ts';

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
};

export const usage: string = `node tests/torture/main.ts [options]
  --seed <number>       of all chance; printed, so that a run can be repeated as far as timing allows
  --minutes <number>    5 by default
  --scenario <name>     only this one; can be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --variant <name>      delete-after-commit: servers with a protocol that is known to fail
  --processes <number>  servers, 4 by default
  --people <number>     users, 24 by default
  --clients <number>    at once, 16 by default
  --think <number>      a client's mean pause between two actions in milliseconds, 6 by default
  --json <file>         write the outcomes there, too`;

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
    },
  });
  const variant = values.variant ?? 'none';
  if (variant !== 'none' && variant !== 'delete-after-commit')
    throw new Error(`there is no variant ${variant}`);
  // What must fail without a fault fails for the reason that is meant.
  const names = values.scenario ?? (variant === 'none' ? scenarios.map(({ name }) => name) : ['calm']);
  return {
    seed: numberIn(values.seed ?? `${Date.now() % 1_000_000}`, 0, 2 ** 32),
    minutes: numberIn(values.minutes ?? '5', 0.05, 24 * 60),
    scenarios: names.map(scenarioNamed),
    variant,
    processes: numberIn(values.processes ?? '4', 1, 32),
    people: numberIn(values.people ?? '24', 2, 500),
    clients: numberIn(values.clients ?? '16', 1, 256),
    thinkMs: numberIn(values.think ?? '6', 0, 10_000),
    json: values.json,
  };
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
