import type { Cacheable, CacheRead } from '../../domain/ports/cache.ts';
import type { Client } from './client.ts';
import { filling, isWithin, unavailable } from './entry.ts';
import { Failed, unlessOutage } from './errors.ts';
import type { Guard } from './guard.ts';

export type BatchNeeds<V extends Cacheable> = {
  readonly guard: Guard;
  readonly nameOf: (key: string) => string;
  readonly maxValueBytes: number;
  readonly newToken: () => string;
  readonly sendLease: (client: Client, name: string, token: string) => Promise<unknown>;
  /** What the reply for a key that is not absent means. An unreadable value is dropped, and its key leased. */
  readonly parse: (
    reply: unknown,
    entry: BatchEntry,
    startedAtMs: number,
  ) => CacheRead<V> | Promise<CacheRead<V>>;
  /** Reads one key by itself. */
  readonly read: (key: string, startedAtMs: number) => Promise<CacheRead<V>>;
  readonly drop: (entry: BatchEntry) => Promise<unknown>;
};

export type BatchEntry = { readonly key: string; readonly name: string; readonly lane: number };

/**
 * How many leases may be under way. A batch that would ask for more only reads, so that leases do not fill the queue of
 * 1,000 commands.
 */
const maxLeases = 500;

/** Reads of many keys in one round trip: MGET and, in the same turn, a lease for each, which is refused where there is a value. */
export class Batches<V extends Cacheable> {
  readonly #needs: BatchNeeds<V>;
  #leases = 0;

  constructor(needs: BatchNeeds<V>) {
    this.#needs = needs;
  }

  async read(keys: readonly string[], startedAtMs: number): Promise<readonly CacheRead<V>[]> {
    const { guard, nameOf } = this.#needs;
    const entries = keys.map((key, index) => {
      const name = nameOf(key);
      return { index, key, name, lane: guard.laneOf(name) };
    });
    const reads = new Array<CacheRead<V>>(keys.length).fill(unavailable);
    await Promise.all(
      Array.from(Map.groupBy(entries, ({ lane }) => lane).values(), async (group) => {
        const found = await this.#readGroup(group, startedAtMs);
        for (const [i, { index }] of group.entries()) reads[index] = found[i] ?? unavailable;
      }),
    );
    return reads;
  }

  async #readGroup(
    entries: readonly BatchEntry[],
    readStartedAtMs: number,
  ): Promise<readonly CacheRead<V>[]> {
    const { guard, newToken, sendLease, parse, read } = this.#needs;
    const lane = entries[0]?.lane ?? 0;
    const tokens = this.#leases + entries.length <= maxLeases ? entries.map(newToken) : [];
    this.#leases += tokens.length;
    let sent: Promise<unknown> = Promise.resolve();
    const replies = await guard.run(lane, (client) => {
      sent = client.sendCommand(['MGET', ...entries.map(({ name }) => name)]);
      // If Redis has no memory left for a lease, the values that were read are right all the same.
      const leases = tokens.map((token, i) =>
        sendLease(client, entries[i]?.name ?? '', token).catch(unlessOutage),
      );
      return Promise.all([sent, Promise.all(leases)]);
    });
    this.#leases -= tokens.length;
    if (replies instanceof Failed) {
      if (replies.code === 'deadline') this.#dropOversized(sent, entries);
      return entries.map(() => unavailable);
    }
    const [values, leases] = replies;
    if (!Array.isArray(values) || values.length !== entries.length) {
      guard.garbled(lane);
      return entries.map(() => unavailable);
    }
    return Promise.all(
      entries.map((entry, i) => {
        const token = tokens[i];
        if (token !== undefined && leases[i] === 'OK') {
          return {
            state: 'leased',
            lease: { key: entry.key, token, readStartedAtMs },
          } satisfies CacheRead<V>;
        }
        if (values[i] !== null) return parse(values[i], entry, readStartedAtMs);
        // The key is absent and yet the lease was refused. Somebody else took it in between, or the key holds another
        // type, which a read of this key alone repairs.
        return token === undefined ? filling : read(entry.key, readStartedAtMs);
      }),
    );
  }

  /**
   * MGET cannot be told how much of a value to send. If its reply is too late because a value is too large, that value
   * is dropped; otherwise the next reply would be too late as well.
   */
  #dropOversized(late: Promise<unknown>, entries: readonly BatchEntry[]): void {
    const { maxValueBytes, drop } = this.#needs;
    const inspect = (values: unknown) =>
      Promise.all(
        entries.map((entry, i) => {
          const value: unknown = Array.isArray(values) ? values[i] : undefined;
          return typeof value === 'string' && !isWithin(value, maxValueBytes) ? drop(entry) : undefined;
        }),
      );
    late.then(inspect).catch(() => undefined);
  }
}
