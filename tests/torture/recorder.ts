import type { Answer } from './client.ts';
import type { Call, Fact, Violation } from './facts.ts';

export type CallKind = 'read' | 'write';

/** A call and what it showed. */
export type Operation = {
  readonly call: Call;
  readonly kind: CallKind;
  /** Which record was asked for, where one was. */
  readonly key: string | null;
  readonly facts: readonly Fact[];
};

/** What was recorded since the last time it was taken. */
export type Batch = {
  /** In the order in which they were answered. */
  readonly operations: readonly Operation[];
  readonly reads: number;
  readonly writes: number;
  /** Calls that ended in a 5xx. */
  readonly serverErrors: readonly Call[];
  /** What an action itself found to be wrong. */
  readonly violations: readonly Violation[];
  /** No answer at all: the process was killed, or the time was up. */
  readonly unanswered: number;
  /** The answers that said so. */
  readonly fromMemory: number;
  readonly fromRedis: number;
  /** Of the reads that were answered, in milliseconds. */
  readonly latenciesMs: readonly number[];
};

const noCounts = () => ({ reads: 0, writes: 0, unanswered: 0, fromMemory: 0, fromRedis: 0 });

/** Takes down facts and counts. */
export class Recorder {
  #operations = new Map<Call, Operation & { readonly facts: Fact[] }>();
  #serverErrors: Call[] = [];
  #violations: Violation[] = [];
  #latenciesMs: number[] = [];
  #counts = noCounts();

  call(kind: CallKind, { call }: Answer, key: string | null = null): void {
    this.#operations.set(call, { call, kind, key, facts: [] });
    this.#counts[kind === 'read' ? 'reads' : 'writes']++;
    if (call.status === 0) this.#counts.unanswered++;
    if (call.status >= 500) this.#serverErrors.push(call);
    if (call.source === 'memory') this.#counts.fromMemory++;
    if (call.source === 'redis') this.#counts.fromRedis++;
    if (kind === 'read' && call.status > 0 && call.status < 500)
      this.#latenciesMs.push(call.endMs - call.startMs);
  }

  fact(fact: Fact): void {
    const { call, type } = fact;
    const kind = type === 'user-write' || type === 'contact-write' ? 'write' : 'read';
    // What psql does is no request.
    const operation = this.#operations.get(call) ?? { call, kind, key: null, facts: [] };
    this.#operations.set(call, operation);
    operation.facts.push(fact);
  }

  violation(violation: Violation): void {
    this.#violations.push(violation);
  }

  take(): Batch {
    const batch: Batch = {
      operations: [...this.#operations.values()],
      serverErrors: this.#serverErrors,
      violations: this.#violations,
      latenciesMs: this.#latenciesMs,
      ...this.#counts,
    };
    this.#operations = new Map();
    this.#serverErrors = [];
    this.#violations = [];
    this.#latenciesMs = [];
    this.#counts = noCounts();
    return batch;
  }
}
