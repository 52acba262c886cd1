import { ConsecutiveBreaker } from 'cockatiel';
import type { Clock, Ids, Log, Timer } from '../../domain/ports/runtime.ts';
import { Circuit } from './circuit.ts';
import type { Client } from './client.ts';
import { Connection } from './connection.ts';
import { Deadlines } from './deadline.ts';
import { Failed, type FailureCode, outageIn } from './errors.ts';
import { hash } from './keys.ts';
import type { Way } from './way.ts';

export type GuardNeeds = {
  readonly open: () => Client;
  readonly way: Way;
  /** How many connections; a key always uses the same one, so that its commands stay in order. */
  readonly connections: number;
  readonly deadlineMs: number;
  /** The name that the probe writes to, to see whether writes are accepted. */
  readonly probeName: string;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
};

const failuresToOpen = 5;
const tickMs = 250;
/** It stays open for at least this long, so that it does not open and close more than once a second. */
const minOpenMs = 1000;
/** Whoever was told that it asks too much asks no more for this long. */
const limitedMs = 60_000;

type Lane = { readonly connection: Connection; readonly failures: ConsecutiveBreaker };

/**
 * The guard around every command. No call takes longer than one deadline; after five failures in a row on one
 * connection, or as soon as the server says that it cannot be used, the circuit opens: calls fail at once, and all
 * connections are made anew, so that no command that hangs or waits is left. A probe in the background, on each
 * connection, finds out when Redis is back. While the circuit is closed, it measures the latency.
 */
export class Guard {
  readonly #needs: GuardNeeds;
  readonly #lanes: readonly Lane[];
  readonly #circuit = new Circuit();
  readonly #deadlines: Deadlines;
  readonly #failures = new Map<FailureCode, number>();
  #ticking: Disposable | undefined;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #openedAtMs = 0;
  /** While the circuit is open, when it may be probed. */
  #retryAtMs = 0;
  #isProbing = false;
  #isDisposed = false;
  #connected: (() => void) | undefined;
  /** What the last probe said. */
  #probe: { readonly latencyMs: number | null; readonly isHealthy: boolean; readonly isLimited: boolean } = {
    latencyMs: null,
    isHealthy: false,
    isLimited: false,
  };
  /** Why Redis refuses writes although it is in use, if the last probe found that. */
  #refusal: FailureCode | undefined;

  constructor(needs: GuardNeeds) {
    this.#needs = needs;
    const { open, ids, clock } = needs;
    this.#deadlines = new Deadlines(clock);
    this.#lanes = Array.from({ length: Math.max(1, needs.connections) }, () => ({
      connection: new Connection({ open, ids, tried: () => this.#connected?.() }),
      failures: new ConsecutiveBreaker(failuresToOpen),
    }));
  }

  /**
   * Connects; resolves when every connection is ready or was refused once, at the latest after `waitMs`. Redis may also
   * come up later.
   */
  async start(waitMs: number): Promise<void> {
    for (const { connection } of this.#lanes) connection.connect();
    await new Promise<void>((resolve) => {
      const waiting = setTimeout(resolve, waitMs);
      this.#connected = () => {
        if (!this.#lanes.every(({ connection }) => connection.wasTried)) return;
        clearTimeout(waiting);
        resolve();
      };
    });
    if (this.#isDisposed) return;
    await this.#tick();
    this.#ticking = this.#needs.timer.every(tickMs, () => this.#tick());
  }

  /** Whether Redis is connected and the circuit closed. */
  inUse(): boolean {
    return this.#circuit.isClosed && this.#isConnected();
  }

  health(): { circuit: 'closed' | 'open' | 'half-open'; isHealthy: boolean; latencyMs: number | null } {
    return {
      circuit: this.#circuit.state,
      isHealthy: this.inUse() && this.#probe.isHealthy,
      latencyMs: this.#probe.latencyMs,
    };
  }

  /** Commands without a usable reply, by what was wrong. */
  failures(): { readonly [code: string]: number } {
    return Object.fromEntries(this.#failures);
  }

  laneOf(name: string): number {
    return this.#lanes.length === 1 ? 0 : hash(name) % this.#lanes.length;
  }

  /**
   * Sends commands on one connection, all in this turn, under one deadline: it counts from `sinceMs` (monotonic), so that
   * a call of two round trips takes no longer than one.
   */
  run<T>(lane: number, send: (client: Client) => Promise<T>, sinceMs?: number): Promise<T | Failed> {
    if (!this.#circuit.isClosed) return Promise.resolve(Failed.with('bypassed'));
    const { deadlineMs, clock } = this.#needs;
    const spentMs = sinceMs === undefined ? 0 : clock.monotonicMs() - sinceMs;
    return this.#send(lane, send, Math.max(1, deadlineMs - spentMs));
  }

  /**
   * To be called for a reply of another type than the command has: no later reply of this connection can be trusted.
   */
  garbled(lane: number): Failed {
    const failed = Failed.with('garbled');
    this.#note(lane, failed);
    return failed;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#ticking?.[Symbol.dispose]();
    for (const { connection } of this.#lanes) connection.dispose();
  }

  #isConnected(): boolean {
    return this.#lanes.every(({ connection }) => connection.client !== undefined);
  }

  #send<T>(lane: number, send: (client: Client) => Promise<T>, deadlineMs: number): Promise<T | Failed> {
    const client = this.#lanes[lane]?.connection.client;
    if (client === undefined) {
      const offline = Failed.with('offline');
      this.#note(lane, offline);
      return Promise.resolve(offline);
    }
    return this.#deadlines.meet(send(client), deadlineMs, (outcome) => this.#note(lane, outcome));
  }

  #note(lane: number, outcome: unknown): void {
    const failures = this.#lanes[lane]?.failures;
    if (!(outcome instanceof Failed)) {
      failures?.success();
      return;
    }
    this.#failures.set(outcome.code, (this.#failures.get(outcome.code) ?? 0) + 1);
    const outage = outageIn(outcome);
    if (outage === 'certain' || (outage === 'sign' && failures?.failure() === true)) this.#open(outcome);
  }

  #open({ code }: Failed): void {
    if (!this.#circuit.trip()) return;
    this.#openedAtMs = this.#needs.clock.monotonicMs();
    this.#retryAtMs = this.#openedAtMs + (code === 'limited' ? limitedMs : minOpenMs);
    const connecting = this.#lanes.find(({ connection }) => connection.client === undefined)?.connection
      .lastFailure;
    this.#needs.log.warn('redis-out-of-use', { cause: code, connection: connecting ?? null });
    for (const { connection, failures } of this.#lanes) {
      failures.success();
      connection.recycle();
    }
  }

  async #tick(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    const nowMs = this.#needs.clock.monotonicMs();
    const { failedProbeMs, restingProbeMs } = this.#needs.way;
    try {
      if (!this.#circuit.isClosed) {
        if (nowMs < this.#retryAtMs || !this.#isConnected()) return;
        if (await this.#circuit.probe(() => this.#probeAll())) {
          const afterMs = Math.round(this.#needs.clock.monotonicMs() - this.#openedAtMs);
          this.#needs.log.info('redis-in-use', { afterMs });
        } else {
          this.#retryAtMs = nowMs + (this.#probe.isLimited ? limitedMs : failedProbeMs);
          // A server that became a replica keeps its connections, while its name may lead to another server by now.
          for (const { connection } of this.#lanes) connection.recycle();
        }
      } else if (nowMs - this.#probedAtMs >= (this.#probe.isHealthy ? restingProbeMs : failedProbeMs)) {
        await this.#probeAll();
      }
    } finally {
      this.#isProbing = false;
    }
  }

  /**
   * Writes, and what else has to work, on each connection; whether Redis can be used. A write refused for this key alone is no
   * outage.
   */
  async #probeAll(): Promise<boolean> {
    const { clock, probeName, deadlineMs, way } = this.#needs;
    const sentAtMs = clock.monotonicMs();
    this.#probedAtMs = sentAtMs;
    const replies = await Promise.all(
      this.#lanes.map((_, lane) => this.#send(lane, (client) => way.probe(client, probeName), deadlineMs)),
    );
    const failed = replies.filter((reply) => reply instanceof Failed);
    const isUsable = failed.every((failure) => outageIn(failure) === 'none');
    this.#probe = {
      latencyMs: isUsable ? clock.monotonicMs() - sentAtMs : null,
      isHealthy: failed.length === 0,
      isLimited: failed.some(({ code }) => code === 'limited'),
    };
    if (isUsable) this.#tellOfRefusals(failed[0]?.code);
    return isUsable;
  }

  /** A Redis that is full, or whose ACL denies writes, is no outage and opens no circuit; operators still have to know. */
  #tellOfRefusals(refusal: FailureCode | undefined): void {
    if (refusal === this.#refusal) return;
    this.#refusal = refusal;
    if (refusal === undefined) this.#needs.log.info('redis-accepts-writes');
    else this.#needs.log.warn('redis-refuses-writes', { cause: refusal });
  }
}
