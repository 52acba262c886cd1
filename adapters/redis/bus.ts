import { setImmediate } from 'node:timers';
import { momentOn } from '../../application/caching/ages.ts';
import type { BusListener, InvalidationBus } from '../../domain/ports/cache.ts';
import type { Applied, ReceiptBus, ReceiptListener } from '../../domain/ports/change-log.ts';
import type { Clock, Ids, Log, Moment, Timer } from '../../domain/ports/runtime.ts';
import { formatSnapshot, parseSnapshot, parseXid, type Xid } from '../../domain/snapshot.ts';
import type { Client } from './client.ts';
import { Connection } from './connection.ts';
import { busChannel, receiptChannel } from './keys.ts';

export type RedisBusOptions = {
  /** A connection, not yet connected; each is a new one. */
  readonly open: () => Client;
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

type Ping = { readonly client: Client; readonly sent: Moment };

/**
 * Invalidations over Redis publish/subscribe, on a connection of their own. Redis writes pushes and replies into one
 * stream in the order in which things happened, and they are read in that order. So the answer to a ping proves that
 * everything published before the ping was sent has been heard, also what a half-open connection would have swallowed.
 * Every connection is a new client: an answer belongs to the subscription under which its ping was sent, or to none.
 */
export class RedisBus implements InvalidationBus, ReceiptBus {
  readonly #needs: RedisBusNeeds;
  readonly #connection: Connection;
  readonly #listeners: BusListener[] = [];
  readonly #receiptListeners: ReceiptListener[] = [];
  readonly #heartbeatMs: number;
  readonly #keyPrefix: string;
  /** By which this process is answered. */
  readonly #self: string;
  #pending: Ping[] = [];
  #heartbeat: Disposable | undefined;

  constructor({ open, keyPrefix, maxStalenessMs }: RedisBusOptions, needs: RedisBusNeeds) {
    this.#needs = needs;
    this.#keyPrefix = keyPrefix;
    this.#self = needs.ids.token();
    this.#heartbeatMs = Math.max(1, Math.round(maxStalenessMs / beatsPerBound));
    this.#connection = new Connection({
      open,
      ids: needs.ids,
      prepare: async (client) => {
        await client.subscribe(busChannel(keyPrefix), (message) => this.#hear(message));
        await client.subscribe(receiptChannel(keyPrefix), (message) => this.#hearQuestion(message));
        const mine = receiptChannel(keyPrefix, this.#self);
        await client.subscribe(mine, (message) => this.#hearAnswer(message));
      },
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

  hear(listener: ReceiptListener): void {
    this.#receiptListeners.push(listener);
  }

  ask(xids: readonly Xid[]): void {
    this.#publish(receiptChannel(this.#keyPrefix), `${this.#self} ${xids.join()}`);
  }

  answer(asker: string, { id, identity, snapshot }: Applied): void {
    const channel = receiptChannel(this.#keyPrefix, asker);
    this.#publish(channel, `${id} ${identity} ${formatSnapshot(snapshot)}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat?.[Symbol.dispose]();
    this.#connection.dispose();
    return Promise.resolve();
  }

  #beat(): void {
    const client = this.#connection.client;
    if (client === undefined) return;
    const sent = momentOn(this.#needs.clock);
    const oldest = this.#pending[0];
    if (oldest !== undefined && sent.monotonicMs - oldest.sent.monotonicMs > patienceMs) {
      // Not at once: after a stall of our own the answer may lie unread in the socket.
      setImmediate(() => {
        if (this.#pending[0] === oldest) this.#connection.recycle();
      });
      return;
    }
    const ping: Ping = { client, sent };
    this.#pending.push(ping);
    client.sendCommand(['PING']).then(
      () => this.#answered(ping),
      () => this.#connection.recycle(client),
    );
  }

  #answered(ping: Ping): void {
    if (this.#connection.client !== ping.client) return;
    this.#pending = this.#pending.filter((other) => other !== ping);
    for (const listener of this.#listeners) listener.proved(ping.sent);
  }

  #interrupt(): void {
    this.#pending = [];
    for (const listener of this.#listeners) listener.interrupted();
  }

  /** On the subscribed connection: RESP 3 allows it, and no command of the cache waits behind it. */
  #publish(channel: string, message: string): void {
    this.#connection.client?.sendCommand(['PUBLISH', channel, message]).catch(() => undefined);
  }

  /** What cannot be read is no question; a later version may ask in another way. */
  #hearQuestion(message: string): void {
    const [asker = '', list = ''] = message.split(' ');
    const xids = list.split(',').map(parseXid);
    if (asker === this.#self || !xids.every((xid) => xid !== undefined)) return;
    for (const listener of this.#receiptListeners) listener.asked(xids, asker);
  }

  #hearAnswer(message: string): void {
    const [id = '', identity = '', text] = message.split(' ');
    const snapshot = parseSnapshot(text);
    if (snapshot === undefined) return;
    for (const listener of this.#receiptListeners) listener.answered({ id, identity, snapshot });
  }

  #hear(message: string): void {
    const [kind = '', key = ''] = splitOnce(message);
    for (const listener of this.#listeners) listener.invalidated(kind, key);
  }
}

const splitOnce = (message: string): readonly string[] => {
  const space = message.indexOf(' ');
  return space < 0 ? [message] : [message.slice(0, space), message.slice(space + 1)];
};
