import { jittered } from '../../application/caching/values.ts';
import type { Ids } from '../../domain/ports/runtime.ts';
import type { Client } from './client.ts';
import { classify, type FailureCode } from './errors.ts';
import { chanceIn } from './keys.ts';

export type ConnectionNeeds = {
  readonly open: () => Client;
  readonly ids: Ids;
  /** What must be done on a new connection before it counts as ready; within the time of the attempt. */
  readonly prepare?: (client: Client) => Promise<unknown>;
  readonly ready?: () => void;
  /** Called after each attempt to connect, successful or not. */
  readonly tried?: () => void;
  readonly lost?: () => void;
};

// One attempt that hangs and the longest pause take less than 1.5 s together: within that time a Redis that is back
// must be in use again.
const attemptMs = 750;
const firstPauseMs = 50;
const maxPauseMs = 400;
const isSteadyAfterMs = 1000;

/**
 * Keeps one connection: a new client whenever the last one was lost, for ever, with a pause that doubles from 50 to 400
 * ms. node-redis could reconnect by itself, but a client that is connected only once has no commands of an earlier
 * connection in its queue and no half-decoded reply, and it is certain which connection an answer came from.
 */
export class Connection {
  readonly #needs: ConnectionNeeds;
  #live: Client | undefined;
  #current: Client | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;
  #readyAtMs = 0;
  #disposed = false;
  /** Why the last client was lost or never got ready. */
  lastFailure: FailureCode | undefined;

  constructor(needs: ConnectionNeeds) {
    this.#needs = needs;
  }

  get wasTried(): boolean {
    return this.#live !== undefined || this.lastFailure !== undefined;
  }

  /** The client, while it is connected and prepared. */
  get client(): Client | undefined {
    return this.#live;
  }

  connect(): void {
    if (this.#disposed || this.#current !== undefined) return;
    const client = this.#needs.open();
    this.#current = client;
    // Also after an error after which node-redis would go on. If it could not decode one reply, it takes every later
    // reply for the answer to another command, and one user would get the answer that is meant for another.
    client.on('error', (error) => this.#lose(client, classify(error).code));
    client.on('end', () => this.#lose(client, 'closed'));
    this.#timer = setTimeout(() => this.#lose(client, 'deadline'), attemptMs);
    this.#prepare(client).then(
      () => this.#becomeReady(client),
      (error) => this.#lose(client, classify(error).code),
    );
  }

  /** Drops the client (that one, if it still is the client) with all that is pending on it, and connects anew. */
  recycle(client: Client | undefined = this.#current): void {
    if (client !== undefined) this.#lose(client, 'closed');
  }

  dispose(): void {
    this.#disposed = true;
    this.recycle();
    clearTimeout(this.#timer);
  }

  async #prepare(client: Client): Promise<void> {
    await client.connect();
    await this.#needs.prepare?.(client);
  }

  #becomeReady(client: Client): void {
    if (client !== this.#current) {
      // It was given up while its socket was still connecting, and `destroy` did not close that socket.
      client.destroy();
      return;
    }
    clearTimeout(this.#timer);
    this.#live = client;
    this.#readyAtMs = performance.now();
    this.#needs.ready?.();
    this.#needs.tried?.();
  }

  #lose(client: Client, failure: FailureCode): void {
    if (client !== this.#current) return;
    clearTimeout(this.#timer);
    const wasLive = this.#live === client;
    this.#live = undefined;
    this.#current = undefined;
    this.lastFailure = failure;
    client.destroy();
    if (wasLive && performance.now() - this.#readyAtMs > isSteadyAfterMs) this.#attempts = 0;
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#attempts++, maxPauseMs);
    if (!this.#disposed)
      this.#timer = setTimeout(() => this.connect(), jittered(pauseMs, chanceIn(this.#needs.ids.token())));
    if (wasLive) this.#needs.lost?.();
    else this.#needs.tried?.();
  }
}
