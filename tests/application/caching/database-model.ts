import fc from 'fast-check';
import type { Heard } from '../../../application/caching/heard.ts';
import { bounded, type Snapshot, type Xid } from '../../../domain/snapshot.ts';

/** A snapshot as PostgreSQL would take it, with what it has really seen. */
export type Taken = { readonly snapshot: Snapshot; readonly seen: ReadonlySet<Xid> };

/** Transactions that get their ids in one order and end in another, and the log that they leave. */
export class ModelDatabase {
  #next = 100;
  #latestEnded = 99;
  readonly #running = new Map<Xid, string[]>();
  readonly #seen = new Set<Xid>();
  readonly log: { readonly xid: Xid; readonly key: string }[] = [];

  begin(): void {
    this.#running.set(this.#next++, []);
  }

  write(which: number, key: string): void {
    this.#pick(which)?.[1].push(key);
  }

  /** What became visible by it: nothing if it rolled back, or if there was none to end. */
  end(which: number, commits: boolean): { readonly xid: Xid; readonly keys: readonly string[] } | undefined {
    const picked = this.#pick(which);
    if (picked === undefined) return undefined;
    const [xid, keys] = picked;
    this.#running.delete(xid);
    this.#latestEnded = Math.max(this.#latestEnded, xid);
    this.#seen.add(xid);
    if (!commits) return undefined;
    this.log.push(...keys.map((key) => ({ xid, key })));
    return { xid, keys };
  }

  take(): Taken {
    const xmax = this.#latestEnded + 1;
    const inProgress = [...this.#running.keys()].filter((xid) => xid < xmax).sort((a, b) => a - b);
    return { snapshot: { xmin: inProgress[0] ?? xmax, xmax, inProgress }, seen: new Set(this.#seen) };
  }

  #pick(which: number): [Xid, string[]] | undefined {
    return [...this.#running][which % Math.max(1, this.#running.size)];
  }
}

export type Step =
  | { readonly do: 'begin' | 'read' | 'check' | 'answer' | 'everything' | 'start' }
  | { readonly do: 'write'; readonly which: number; readonly key: number }
  | { readonly do: 'commit' | 'commit-own' | 'roll-back' | 'note'; readonly which: number };

const which = fc.nat(7);

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('begin' as const, 'read', 'check', 'answer') }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), which, key: fc.nat(5) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'commit-own', 'note'), which }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('roll-back' as const), which }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('everything' as const, 'start') }) },
  ),
  { maxLength: 150, size: 'max' },
);

export type Findings = { believed: number; refused: number; wrongly: number; freshRefused: number };

/** Plays the steps, and after each holds every belief against what the process knows. */
export const play = (
  newHeard: (floor: Snapshot) => Heard,
  plan: readonly Step[],
  keyCount: number,
): Findings => {
  const database = new ModelDatabase();
  const keys = Array.from({ length: keyCount }, (_, index) => `users ${index}`);
  const found: Findings = { believed: 0, refused: 0, wrongly: 0, freshRefused: 0 };
  let read = database.take();
  let heard = newHeard(read.snapshot);
  let asked: Taken | undefined;
  let unnoted: { readonly xid: Xid; readonly keys: readonly string[] }[] = [];
  let own: { readonly xid: Xid; readonly key: string }[] = [];
  const values: Taken[] = [];
  const notes = [read];

  const answer = (taken: Taken, everything: boolean): void => {
    const rows = new Map<string, Xid[]>();
    // As the index of the log has them: by their ids, which is not the order in which they were committed.
    for (const { xid, key } of database.log.toSorted((a, b) => a.xid - b.xid)) {
      if (taken.seen.has(xid) && !read.seen.has(xid)) rows.set(key, [...(rows.get(key) ?? []), xid]);
    }
    heard.apply(taken.snapshot, everything ? 'everything' : rows);
    read = taken;
    notes.push(taken);
  };

  for (const step of plan) {
    if (step.do === 'begin') database.begin();
    else if (step.do === 'write') database.write(step.which, keys[step.key % keyCount] ?? '');
    else if (step.do === 'roll-back') database.end(step.which, false);
    else if (step.do === 'read') values.push(database.take());
    else if (step.do === 'check') asked ??= database.take();
    else if (step.do === 'commit') database.end(step.which, true);
    else if (step.do === 'commit-own') {
      const committed = database.end(step.which, true);
      if (committed !== undefined) unnoted.push(committed);
    } else if (step.do === 'note') {
      const noted = unnoted[step.which];
      if (noted === undefined) continue;
      unnoted = unnoted.filter((each) => each !== noted);
      heard.noteOwn(noted.xid, noted.keys);
      own.push(...noted.keys.map((key) => ({ xid: noted.xid, key })));
    } else if (step.do === 'start') {
      read = notes[notes.length >> 1] ?? read;
      heard = newHeard(read.snapshot);
      [asked, unnoted, own] = [undefined, [], []];
    } else if (asked !== undefined) {
      answer(asked, step.do === 'everything');
      asked = undefined;
    }
    for (const { snapshot, seen } of [...values.slice(-6), database.take()]) {
      for (const key of keys) {
        const known = [...database.log.filter(({ xid }) => read.seen.has(xid)), ...own];
        const isOld = known.some((each) => each.key === key && !seen.has(each.xid));
        for (const claimed of [snapshot, bounded(snapshot, 1)]) {
          const believed = heard.believes(() => key, claimed);
          if (believed && isOld) found.wrongly++;
          found[believed ? 'believed' : 'refused']++;
        }
      }
    }
    const now = database.take().snapshot;
    if (keys.some((key) => !heard.believes(() => key, now))) found.freshRefused++;
  }
  return found;
};
