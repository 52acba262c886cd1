import { setImmediate } from 'node:timers';
import { codecs } from '../../application/caching/codecs.ts';
import type { BusListener, InvalidationBus, Kind } from '../../domain/ports/cache.ts';
import type { Clock, Ids, Log, Timer } from '../../domain/ports/runtime.ts';
import { type Client, openClient, type RedisAddress } from './client.ts';
import { Connection } from './connection.ts';
import { busChannel } from './keys.ts';

export type RedisBusOptions = {
  readonly address: RedisAddress;
  readonly keyPrefix: string;
  /** The bound of the memory tier: a fifth of it passes between two proofs. */
  readonly maxStalenessMs: number;
};

export type RedisBusNeeds = {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
};

/** A connection that owes an answer for so long is given up. */
const patienceMs = 2000;
const beatsPerBound = 5;

type Ping = { readonly client: Client; readonly sentAtMs: number };

/**
 * Invalidations over Redis publish/subscribe, on a connection of their own. Redis writes pushes and replies into one
 * stream in the order in which things happened, and they are read in that order. So the answer to a ping proves that
 * everything published before the ping was sent has been heard, also what a half-open connection would have swallowed.
 * Every connection is a new client: an answer belongs to the subscription under which its ping was sent, or to none.
 */
export class RedisBus implements InvalidationBus {
  readonly #needs: RedisBusNeeds;
  readonly #connection: Connection;
  readonly #listeners: BusListener[] = [];
  readonly #heartbeatMs: number;
  #pending: Ping[] = [];
  #heartbeat: Disposable | undefined;

  constructor({ address, keyPrefix, maxStalenessMs }: RedisBusOptions, needs: RedisBusNeeds) {
    this.#needs = needs;
    this.#heartbeatMs = Math.max(1, Math.round(maxStalenessMs / beatsPerBound));
    this.#connection = new Connection({
      open: () => openClient(address),
      ids: needs.ids,
      prepare: (client) => client.subscribe(busChannel(keyPrefix), (message) => this.#hear(message)),
      ready: () => {
        needs.log.info('bus-connected', {});
        this.#interrupt();
        this.#beat();
      },
      lost: () => {
        needs.log.warn('bus-lost', { cause: this.#connection.lastFailure ?? null });
        this.#interrupt();
      },
    });
  }

  /** The first listener makes the connection. */
  listen(listener: BusListener): void {
    this.#listeners.push(listener);
    if (this.#heartbeat !== undefined) return;
    this.#connection.connect();
    this.#heartbeat = this.#needs.timer.every(this.#heartbeatMs, () => {
      this.#beat();
      return Promise.resolve();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat?.[Symbol.dispose]();
    this.#connection.dispose();
    return Promise.resolve();
  }

  #beat(): void {
    const client = this.#connection.client;
    if (client === undefined) return;
    const sentAtMs = this.#needs.clock.monotonicMs();
    const oldest = this.#pending[0];
    if (oldest !== undefined && sentAtMs - oldest.sentAtMs > patienceMs) {
      // Not at once: after a stall of our own the answer may lie unread in the socket.
      setImmediate(() => {
        if (this.#pending[0] === oldest) this.#connection.recycle();
      });
      return;
    }
    const ping: Ping = { client, sentAtMs };
    this.#pending.push(ping);
    client.sendCommand(['PING']).then(
      () => this.#answered(ping),
      () => this.#connection.recycle(client),
    );
  }

  #answered(ping: Ping): void {
    if (this.#connection.client !== ping.client) return;
    this.#pending = this.#pending.filter((other) => other !== ping);
    for (const listener of this.#listeners) listener.proved(ping.sentAtMs);
  }

  #interrupt(): void {
    this.#pending = [];
    for (const listener of this.#listeners) listener.interrupted();
  }

  #hear(message: string): void {
    const [kind = '', key = ''] = splitOnce(message);
    // What another version of this program says, and we do not understand, may be about anything.
    const known = isKind(kind) ? kind : 'everything';
    for (const listener of this.#listeners) listener.invalidated(known, key);
  }
}

const splitOnce = (message: string): readonly string[] => {
  const space = message.indexOf(' ');
  return space < 0 ? [message] : [message.slice(0, space), message.slice(space + 1)];
};

const isKind = (text: string): text is Kind => Object.hasOwn(codecs, text);
