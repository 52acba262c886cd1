import type { AuditCounts, ReadCounts } from '../../application/operations/live-state.ts';
import type { CheckOutcome, Disbelief, Tier } from '../../domain/ports/cache.ts';
import type { Moment } from '../../domain/ports/runtime.ts';
import { Durations } from './durations.ts';

export type CommandCounts = { confirmed: number; unconfirmed: number };

export const cacheCommands = ['fence', 'release', 'replay', 'fill'] as const;
export type CacheCommand = (typeof cacheCommands)[number];

/** Counts by label. Labels come from lists of ours, so there are never many. */
export class Tallies<Label extends string> {
  readonly #counts = new Map<Label, number>();

  add(label: Label, count = 1): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + count);
  }

  entries(): Iterable<readonly [Label, number]> {
    return this.#counts;
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }
}

/** The requests of one route by the class of their status: `2xx`. */
export type RouteCounts = {
  readonly method: string;
  readonly route: string;
  readonly byClass: Map<string, Durations>;
};

/** Counts by the name of a kind of record, each of which starts when the cache of that kind is first observed. */
export class ByKind<T> {
  readonly #make: () => T;
  readonly all: Map<string, T> = new Map();

  constructor(make: () => T) {
    this.#make = make;
  }

  of(kind: string): T {
    const counts = this.all.get(kind) ?? this.#make();
    this.all.set(kind, counts);
    return counts;
  }
}

const readsByKind = (): ByKind<ReadCounts> =>
  new ByKind(() => ({ hit: 0, miss: 0, filling: 0, fenced: 0, unavailable: 0 }));
const commandsByKind = (): ByKind<CommandCounts> => new ByKind(() => ({ confirmed: 0, unconfirmed: 0 }));

/**
 * Everything that is counted, since the start of the process: plain numbers that frequent calls add to, and that become
 * text only when somebody asks for it (metrics.ts, live-state.ts). There is no personal data in any label.
 */
export class Counts {
  readonly reads: Readonly<Record<Tier, ByKind<ReadCounts>>> = {
    memory: readsByKind(),
    redis: readsByKind(),
  };
  readonly commands: Readonly<Record<CacheCommand, ByKind<CommandCounts>>> = {
    fence: commandsByKind(),
    release: commandsByKind(),
    replay: commandsByKind(),
    fill: commandsByKind(),
  };
  readonly redis: Map<string, Durations> = new Map();
  readonly database: Map<string, Durations> = new Map();
  readonly databaseFailures: Tallies<string> = new Tallies();
  readonly routes: RouteCounts[] = [];
  /** All requests of both listeners together, by how long they took. */
  readonly requests: Durations = new Durations();
  /** All requests by the class of their status. */
  readonly answers: Tallies<string> = new Tallies();
  readonly logIns: Tallies<string> = new Tallies();
  readonly registrations: Tallies<string> = new Tallies();
  /** `log-in passed`, `registration refused` ... */
  readonly limits: Tallies<string> = new Tallies();
  readonly logLines: Tallies<string> = new Tallies();
  /** Checks of the log of changes. One that has no answer within half of the bound is `silent`, whatever comes later. */
  readonly checks: Record<CheckOutcome, number> = { answered: 0, refused: 0, silent: 0, anew: 0 };
  /** The beginning of the last answered check, if there was one. */
  lastAnswered: Moment | undefined;
  /** Cached values that were not believed. */
  readonly disbeliefs: Record<Disbelief, number> = {
    unproved: 0,
    'other-epoch': 0,
    outdated: 0,
    unchecked: 0,
  };
  /** Answers that were held against the database. */
  readonly audits: ByKind<AuditCounts> = new ByKind(() => ({ audited: 0, stale: 0 }));
}

/** The durations under a name, made at the first use. */
export const durationsIn = (all: Map<string, Durations>, name: string): Durations => {
  let durations = all.get(name);
  if (durations === undefined) {
    durations = new Durations();
    all.set(name, durations);
  }
  return durations;
};
