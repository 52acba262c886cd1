/** Where a fault can strike, and how often there has to be an opportunity before the next one counts. */
const opportunitiesPer = {
  none: 1,
  // What is unlike in one instance from the beginning, or not there.
  'settings-differ': 1,
  alone: 1,
  newcomer: 1,
  // What happens to a command, or to its answer.
  'lost-request': 3,
  'lost-reply': 3,
  'late-request': 3,
  // What happens to a writer, and to its COMMIT.
  'crash-in-transaction': 1,
  'crash-after-commit': 1,
  'unknown-commit': 1,
  'late-commit': 1,
  // What happens to Redis.
  'redis-restart': 4,
  'redis-goes-back': 4,
  'redis-read-only': 4,
  'fence-lost': 1,
  'other-redis': 1,
  'no-redis': 1,
  'cut-from-redis': 4,
  'half-open-bus': 4,
  'bus-reset': 4,
  'bus-delay': 6,
  'key-changes-master': 4,
  // What happens to the log, for one or for all.
  'log-silent': 2,
  'log-refused': 2,
  'log-silent-for-all': 2,
  'log-refused-for-all': 2,
  'lapsed-beat': 2,
  'mass-update': 1,
  // What happens to the database, and to a process.
  'database-crash': 8,
  'database-goes-back': 8,
  'stands-still': 6,
  suspended: 6,
  restarted: 6,
  'ends-in-order': 6,
  'wall-clock-forward': 6,
  'wall-clock-back': 6,
};

export type FaultKind = keyof typeof opportunitiesPer;
export type Fault = {
  readonly kind: FaultKind;
  readonly at: number;
  readonly instance: number;
  /** How the instances are set up, where it is unusual; what is there from the beginning and is no fault. */
  readonly setUp?: 'other-redis' | undefined;
};

export const faultKinds: readonly FaultKind[] = Object.keys(opportunitiesPer) as FaultKind[];

/** What may become of a process when a message reaches it. */
export const fates = ['restarted', 'ends-in-order'] as const;
export type Fate = (typeof fates)[number];

/** A run has at most one fault, which strikes at its n-th opportunity: the first few come before anything is cached. */
export class Faults {
  readonly fault: Fault;
  #opportunities = 0;

  constructor(fault: Fault) {
    this.fault = fault;
  }

  /** Whether the run's fault strikes here; `instance` for faults of one instance. */
  strikes(kind: FaultKind, instance?: number): boolean {
    return this.has(kind, instance) && ++this.#opportunities === this.fault.at * opportunitiesPer[kind];
  }

  /** Whether it is the run's fault, where it is one that is there from the beginning. */
  has(kind: FaultKind, instance?: number): boolean {
    const isOfRun = this.fault.kind === kind || this.fault.setUp === kind;
    return isOfRun && (instance === undefined || instance === this.fault.instance);
  }

  /** Whether a fence may be gone, or not be where the reader looks: then F1 is not promised. */
  get loseInRedis(): boolean {
    return losesInRedis.has(this.fault.kind) || this.fault.setUp === 'other-redis';
  }
}

const losesInRedis: ReadonlySet<FaultKind> = new Set([
  'redis-restart',
  'redis-goes-back',
  'fence-lost',
  'other-redis',
  'no-redis',
]);
