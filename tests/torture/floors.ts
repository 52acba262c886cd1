import type { Bounds, Call } from './facts.ts';

/** Version numbers over time: the highest that was reached before a moment. */
export class Timeline {
  #points: { atMs: number; version: number }[] = [];
  #sorted = true;

  add(atMs: number, version: number): void {
    this.#points.push({ atMs, version });
    this.#sorted = false;
  }

  before(atMs: number): number {
    return this.#pointBefore(atMs)?.version ?? 0;
  }

  /** When that version was reached. */
  sinceMs(atMs: number): number {
    return this.#pointBefore(atMs)?.atMs ?? 0;
  }

  #pointBefore(atMs: number): { readonly atMs: number; readonly version: number } | undefined {
    if (!this.#sorted) this.#sort();
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#points[middle]?.atMs ?? 0) < atMs) low = middle + 1;
      else high = middle;
    }
    return this.#points[low - 1];
  }

  #sort(): void {
    this.#points.sort((a, b) => a.atMs - b.atMs);
    // Only the points that raise it.
    let highest = 0;
    this.#points = this.#points.filter(({ version }) => {
      const raises = version > highest;
      highest = Math.max(highest, version);
      return raises;
    });
    this.#sorted = true;
  }
}

/** What makes a version known: a confirmed fence at once, and the log within its bound. */
export type Way = 'fenced' | 'logged';
export type Floor = { readonly version: number; readonly because: string };

/**
 * The oldest version of one record that a read may be answered with. The allowances are the promises F0 to F2:
 *
 * | landmark | database | Redis | memory, or unsaid |
 * | --- | --- | --- | --- |
 * | a security write that was acknowledged | 0 | 0 | 0 |
 * | a write that the asked process itself acknowledged | 0 | 0 | 0 |
 * | any other behind a confirmed fence that was not lost | 0 | 0 | `maxStalenessMs` |
 * | any other | 0 | `boundMs` | `boundMs` |
 */
export class Floors {
  readonly #timelines = { fenced: new Timeline(), logged: new Timeline() };
  readonly #security = new Timeline();
  readonly #own = new Map<string, Timeline>();

  /** `writer` is absent for raw SQL and for what a reader saw. */
  add(version: number, atMs: number, way: Way, writer?: string, security: boolean = false): void {
    this.#timelines[way].add(atMs, version);
    if (security) this.#security.add(atMs, version);
    if (writer === undefined) return;
    const own = this.#own.get(writer) ?? new Timeline();
    this.#own.set(writer, own);
    own.add(atMs, version);
  }

  of({ startMs, source, server }: Call, { maxStalenessMs, boundMs }: Bounds): Floor {
    const memoryMs = source === 'memory' || source === 'unknown' ? maxStalenessMs : 0;
    const logMs = source === 'database' ? 0 : boundMs;
    const floor = (timeline: Timeline | undefined, what: string, allowedMs: number): Floor => {
      const ageMs = startMs - (timeline?.sinceMs(startMs - allowedMs) ?? 0);
      return {
        version: timeline?.before(startMs - allowedMs) ?? 0,
        because: `${what} ${ageMs.toFixed(1)} ms before, ${allowedMs} are allowed`,
      };
    };
    const floors = [
      floor(this.#security, 'security write', 0),
      floor(this.#own.get(server), 'acknowledged by this very process', 0),
      floor(this.#timelines.fenced, 'fenced,', memoryMs),
      floor(this.#timelines.logged, 'logged,', logMs),
    ];
    return floors.reduce((highest, floor) => (floor.version > highest.version ? floor : highest));
  }

  /** The newest security write that was acknowledged before a moment. */
  security(beforeMs: number): number {
    return this.#security.before(beforeMs);
  }

  /** What was acknowledged or seen before a moment, whatever the way: what an answer from the database must have. */
  at(atMs: number): number {
    return Math.max(this.#timelines.fenced.before(atMs), this.#timelines.logged.before(atMs));
  }
}
