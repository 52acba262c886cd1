import type { ReadCounts } from '../../application/health/live-state.ts';
import type { Kind, Tier } from '../../domain/ports/cache.ts';
import { Durations } from './durations.ts';

export type CommandCounts = { confirmed: number; unconfirmed: number };

export const cacheCommands = ['fence', 'release', 'replay', 'fill'] as const;
export type CacheCommand = (typeof cacheCommands)[number];

/** What a set of labels is counted under. The labels come from tables of ours, so there are never many. */
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

const byKind = <T>(make: () => T): Readonly<Record<Kind, T>> => ({
  users: make(),
  profiles: make(),
  emails: make(),
  usernames: make(),
  phones: make(),
  contacts: make(),
  lists: make(),
  pages: make(),
});

/**
 * Everything that is counted, since the start of the process: plain numbers that the hot paths add to, and that nobody
 * puts into words before somebody asks (metrics.ts, live-state.ts). There is no personal data in any label.
 */
export class Counts {
  readonly reads: Readonly<Record<Tier, Readonly<Record<Kind, ReadCounts>>>> = {
    memory: byKind(() => ({ hit: 0, miss: 0, filling: 0, fenced: 0, unavailable: 0 })),
    redis: byKind(() => ({ hit: 0, miss: 0, filling: 0, fenced: 0, unavailable: 0 })),
  };
  readonly commands: Readonly<Record<CacheCommand, Readonly<Record<Kind, CommandCounts>>>> = {
    fence: byKind(() => ({ confirmed: 0, unconfirmed: 0 })),
    release: byKind(() => ({ confirmed: 0, unconfirmed: 0 })),
    replay: byKind(() => ({ confirmed: 0, unconfirmed: 0 })),
    fill: byKind(() => ({ confirmed: 0, unconfirmed: 0 })),
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
  /** The start of the last complete journal check (monotonic), if there was one. */
  journalCheckedAtMs: number | undefined;
  /** Rows that the last check found and that are not replayed yet. */
  journalPending = 0;
  journalReplayed = 0;
  /** Whether the database answered the last check. */
  isJournalReachable = true;
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
