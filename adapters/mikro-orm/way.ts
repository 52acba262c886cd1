import { setTimeout as startTimer } from 'node:timers';
import { toConnectError } from './faults.ts';
import type { Host, Pooling } from './postgres-address.ts';
import { type PgClient, prepareQueries } from './postgres-driver.ts';
import { mustBePrimary, type Settings, settle } from './session.ts';
import type { StatementNames } from './statement-name.ts';

export type WayNeeds = {
  /** Tried in order, from the one that was the primary last. */
  readonly hosts: readonly [Host, ...Host[]];
  /** Makes a client whose `connect` has a deadline. */
  readonly makeClient: (host: Host) => PgClient;
  readonly pooling: Pooling;
  readonly names: StatementNames;
  /** Rejects if a host is not the one that is meant. */
  readonly mustBeIt?: (client: PgClient) => Promise<void>;
  /** Hears where the primary was found, and how many milliseconds it took to connect to it. */
  readonly found?: (host: Host, tookMs: number) => void;
};

/** The way to a database: to that one of its hosts that is the primary now. */
export class Way {
  readonly #needs: WayNeeds;
  #first = 0;

  constructor(needs: WayNeeds) {
    this.#needs = needs;
  }

  /**
   * A connection of one's own, on which `settings` hold. Its making may take longer than a user waits; where an attempt gets
   * no answer for half a second, another one is begun beside it, at the next host: what a broken network swallowed never
   * comes. Rejects with the driver's error, or with `Unreachable` where there are only standbys.
   */
  open(queryTimeoutMs: number, settings: Settings): Promise<PgClient> {
    const first = this.#first;
    return soonest((before) => this.#openFrom(first + before, queryTimeoutMs, settings), discard);
  }

  async #openFrom(first: number, queryTimeoutMs: number, settings: Settings): Promise<PgClient> {
    const { hosts } = this.#needs;
    let failure: unknown;
    for (let tried = 0; tried < hosts.length; tried++) {
      const place = (first + tried) % hosts.length;
      const host = hosts[place] ?? hosts[0];
      try {
        const client = await this.#openAt(host, queryTimeoutMs, settings);
        this.#first = place;
        return client;
      } catch (error) {
        // Of several the reason of the first: the others are there for its absence.
        failure ??= error;
      }
    }
    throw failure;
  }

  async #openAt(host: Host, queryTimeoutMs: number, settings: Settings): Promise<PgClient> {
    const { hosts, makeClient, pooling, names, mustBeIt, found } = this.#needs;
    const startMs = performance.now();
    const client = makeClient(host);
    // Beside the promises, an error may be emitted; unheard, it would end the process. The next statement meets it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await settle(client, { pooling, settings, queryTimeoutMs });
      await mustBePrimary(client, hosts.length > 1);
      await mustBeIt?.(client);
      prepareQueries(client, names);
      found?.(host, performance.now() - startMs);
      return client;
    } catch (error) {
      discard(client);
      throw toConnectError(error);
    }
  }
}

/** Not politely: whoever is silent would not answer that either. */
export const discard = (client: PgClient): void => {
  client.connection.stream.destroy();
};

const pauseMs = 500;
const maxAttempts = 8;

/**
 * The first that comes of several attempts, each begun when those before it have not answered for a while, and told how many
 * they were.
 */
const soonest = <T>(attempt: (before: number) => Promise<T>, drop: (late: T) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    let begun = 0;
    let isOver = false;
    let timer: ReturnType<typeof startTimer> | undefined;
    const end = (): boolean => {
      clearTimeout(timer);
      if (isOver) return false;
      isOver = true;
      return true;
    };
    const begin = (): void => {
      if (begun + 1 < maxAttempts) timer = startTimer(begin, pauseMs);
      attempt(begun++).then(
        (value) => (end() ? resolve(value) : drop(value)),
        // One that is refused tells as much as all: the others would be, too.
        (error: unknown) => {
          if (end()) reject(error);
        },
      );
    };
    begin();
  });
