/**
 * BELIEVE: whether a cached value may be served. No server is trusted, and no message: a value proves itself by the
 * snapshot of the statement that read it, which must have seen every change of its key that this process knows of
 * (heard.ts), in the present epoch of the log.
 */
import type { Cacheable, Disbelief, RecordKind } from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Snapshot, Xid } from '../../domain/snapshot.ts';
import type { HeardKey } from '../records/kinds.ts';
import { Heard, type Rows } from './heard.ts';
import { maxHeardKeys } from './limits.ts';

/** Judges values. */
export interface Judge {
  /** `undefined`: it is believed. Who only looks serves nothing, so that no doubt of it counts. */
  doubt(
    kind: RecordKind<Cacheable>,
    key: string,
    proof: Proof | undefined,
    purpose?: 'serve' | 'look',
  ): Disbelief | undefined;
}

type OwnNote = { readonly xid: Xid; readonly keys: readonly string[] };

export class Belief implements Judge {
  #present: { readonly epoch: string; readonly heard: Heard } | undefined;
  /** Own transactions of the time in which nothing was believed: the first check may not have seen them. */
  #early: OwnNote[] = [];

  /** What is known from now on: nothing but that changes after `floor` will be told. */
  begin(epoch: string, floor: Snapshot): void {
    const heard = new Heard(floor, maxHeardKeys);
    for (const { xid, keys } of this.#early.splice(0)) heard.noteOwn(xid, keys);
    this.#present = { epoch, heard };
  }

  /** What was known is void, and nothing is believed until it begins again. */
  forget(): void {
    this.#present = undefined;
  }

  apply(snapshot: Snapshot, rows: Rows): void {
    this.#present?.heard.apply(snapshot, rows);
  }

  /** An own write, when its COMMIT was answered and before it is acknowledged: its callers read their writes. */
  noteOwn(xid: Xid, changed: readonly HeardKey[]): void {
    const keys = changed.map(nameOf);
    if (this.#present !== undefined) this.#present.heard.noteOwn(xid, keys);
    else if (this.#early.push({ xid, keys }) > maxEarlyNotes) this.#early.shift();
  }

  doubt({ origin }: RecordKind<Cacheable>, key: string, proof: Proof | undefined): Disbelief | undefined {
    // A hint is verified on what it leads to.
    if (origin === undefined) return undefined;
    if (proof === undefined) return 'unproved';
    const present = this.#present;
    if (present === undefined) return 'unchecked';
    if (proof.epoch !== present.epoch) return 'other-epoch';
    const { heard } = present;
    return heard.believes(() => nameOf({ source: origin.source, key: origin.heardAs(key) }), proof.snapshot)
      ? undefined
      : 'outdated';
  }
}

/**
 * A process begins within a few seconds, or serves nothing from a cache anyway; writes of one second before its first check
 * are visible to that.
 */
const maxEarlyNotes = 10_000;

const nameOf = ({ source, key }: HeardKey): string => `${source} ${key}`;
