import type { Source } from '../../application/read.ts';
import { journalBoundMs, maxStalenessMs } from './world.ts';

/** Something that makes a version the oldest that may be seen from now on: its acknowledgement, or a read that saw it. */
type Landmark = {
  readonly version: number;
  readonly atMs: number;
  readonly order: number;
  readonly instance: number;
  readonly as: 'acknowledged' | 'security-acknowledged' | 'raw' | 'seen';
};

export type ReadStart = { readonly atMs: number; readonly order: number; readonly instance: number };

/**
 * What was promised, as a checker on one clock: no read is answered with a version older than one that was acknowledged,
 * or seen by a finished read, before it started; less the bounds that the promises allow (G1-G4 of the protocol).
 */
export class History {
  readonly violations: string[] = [];
  readonly #landmarks: Landmark[] = [];
  /** Versions whose commit was not behind a confirmed fence. */
  readonly #journaled = new Set<number>();
  /** A fence that Redis lost lets readers see the old version again until the write is acknowledged (G5). */
  readonly #seenCounts: boolean;
  #order = 0;

  constructor(seenCounts: boolean) {
    this.#seenCounts = seenCounts;
  }

  journaled(version: number): void {
    this.#journaled.add(version);
  }

  landmark(as: Landmark['as'], version: number, atMs: number, instance: number): void {
    this.#landmarks.push({ version, atMs, order: ++this.#order, instance, as });
  }

  startRead(atMs: number, instance: number): ReadStart {
    return { atMs, order: ++this.#order, instance };
  }

  finishRead(start: ReadStart, version: number, source: Source, atMs: number): void {
    for (const landmark of this.#landmarks) {
      if (landmark.version <= version || landmark.order > start.order) continue;
      const ageMs = start.atMs - landmark.atMs;
      const allowedMs = this.#allowedMs(landmark, start, source);
      if (allowedMs === 0 || ageMs > allowedMs) {
        this.violations.push(
          `read on ${start.instance} from ${source} got v${version}, but v${landmark.version} was ` +
            `${landmark.as} on ${landmark.instance} ${ageMs} ms before it (allowed ${allowedMs})`,
        );
      }
    }
    if (this.#seenCounts) this.landmark('seen', version, atMs, start.instance);
  }

  #allowedMs(landmark: Landmark, start: ReadStart, source: Source): number {
    if (landmark.as === 'security-acknowledged') return 0;
    if (source !== 'memory' && source !== 'redis') return 0;
    // Its own callers read their writes, journaled or not.
    if (landmark.as === 'acknowledged' && landmark.instance === start.instance) return 0;
    const memoryMs = source === 'memory' ? maxStalenessMs : 0;
    return memoryMs + (this.#journaled.has(landmark.version) ? journalBoundMs : 0);
  }
}
