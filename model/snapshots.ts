/**
 * HEARD, FLOOR and the comparison of snapshots, with snapshots as PostgreSQL has them: xmax and what was in progress.
 * Transactions with rows of some keys begin and commit in any order by chance; a process checks, notes its own ids,
 * forgets keys, is started anew from a noted snapshot; values are read at any time. Of each value that is believed it is
 * asked whether it has really seen every row that the process should know of.
 */
import { at } from './record.ts';
import type { Case, Outcome } from './table.ts';

export type Snapshot = { readonly xmax: number; readonly inProgress: ReadonlySet<number> };

/** The transaction had ended when the snapshot was taken. */
export const seesId = ({ xmax, inProgress }: Snapshot, id: number): boolean =>
  id < xmax && !inProgress.has(id);

/** The snapshot has seen all that the other one has seen. */
export const covers = (snapshot: Snapshot, other: Snapshot): boolean =>
  snapshot.xmax > other.xmax ||
  (snapshot.xmax === other.xmax && snapshot.inProgress.size <= other.inProgress.size);

/** With at most that many in progress: xmax becomes the first that does not fit, so that it claims less. */
export const cut = (snapshot: Snapshot, most: number): Snapshot => {
  const inOrder = [...snapshot.inProgress].sort((a, b) => a - b);
  const xmax = inOrder[most];
  return xmax === undefined ? snapshot : { xmax, inProgress: new Set(inOrder.slice(0, most)) };
};

type Rule =
  | 'designed'
  | 'HEARD keeps the greatest id'
  | 'HEARD keeps the id of the last row'
  | 'an own id replaces the others'
  | 'rows replace own ids too'
  | 'own ids are forgotten'
  | 'the first row of a key says when it is forgotten'
  | 'FLOOR is compared by xmax alone'
  | 'FLOOR is cut as values are';

/** A value says at most what it has seen: its snapshot may have been cut. */
type Value = { readonly says: Snapshot; readonly hasSeen: Snapshot };
type Row = { readonly id: number; readonly order: number; readonly key: number };
type Heard = { readonly ids: ReadonlySet<number>; readonly check: number };
type Process = {
  snapshot: Snapshot;
  floor: Snapshot;
  readonly heard: Map<number, Heard>;
  /** Rows of its own that no check has brought. */
  own: readonly Row[];
  /** Own transactions that have committed and are not noted yet. */
  readonly unnoted: (readonly Row[])[];
};

const keyCount = 6;
const mostKeys = 3;
const stepsOfRun = 120;
const mostInProgress = 2;

/** mulberry32: the same runs on every machine. */
const chanceOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** One run: how many values were believed, and how many of these wrongly. */
const run = (rule: Rule, seed: number): { readonly believed: number; readonly wrong: number } => {
  const chance = chanceOf(seed);
  const pick = <Item>(items: readonly Item[]): Item => at(items, Math.floor(chance() * items.length));
  const beginning: Snapshot = { xmax: 100, inProgress: new Set() };
  const active = new Map<number, Row[]>();
  const log: Row[] = [];
  const notes = [beginning];
  const values: Value[] = [];
  const checks = [beginning];
  let nextId = 100;
  let lastCommitted = 99;
  let order = 0;
  let asked: Snapshot | undefined;
  let believed = 0;
  let wrong = 0;
  let process = begun(beginning);

  const current = (): Snapshot => ({
    xmax: lastCommitted + 1,
    inProgress: new Set([...active.keys()].filter((id) => id <= lastCommitted)),
  });
  const commit = (): void => {
    const id = pick([...active.keys()]);
    const rows = active.get(id) ?? [];
    active.delete(id);
    lastCommitted = Math.max(lastCommitted, id);
    log.push(...rows);
    if (chance() < 0.3) process.unnoted.push(rows);
  };
  const check = (): void => {
    if (asked === undefined) {
      asked = current();
      return;
    }
    if (chance() < 0.15) process = begun(pick(notes));
    checks.push(asked);
    notes.push(asked);
    apply(rule, process, log, checks);
    asked = undefined;
  };
  for (let step = 0; step < stepsOfRun; step++) {
    const dice = chance();
    if (dice < 0.25) active.set(nextId++, []);
    else if (dice < 0.5 && active.size > 0) {
      const id = pick([...active.keys()]);
      active.get(id)?.push({ id, order: order++, key: Math.floor(chance() * keyCount) });
    } else if (dice < 0.68 && active.size > 0) commit();
    else if (dice < 0.72 && process.unnoted.length > 0) {
      const index = Math.floor(chance() * process.unnoted.length);
      noteOwn(rule, process, process.unnoted.splice(index, 1)[0] ?? [], checks.length - 1);
    } else if (dice < 0.8) {
      const hasSeen = current();
      values.push({ says: chance() < 0.5 ? hasSeen : cut(hasSeen, mostInProgress), hasSeen });
    } else if (dice < 0.9) check();
    for (const value of values.slice(-6)) {
      for (let key = 0; key < keyCount; key++) {
        if (!believes(rule, process, value.says, key)) continue;
        believed++;
        const owed = [...log.filter(({ id }) => seesId(process.snapshot, id)), ...process.own];
        if (owed.some((row) => row.key === key && !seesId(value.hasSeen, row.id))) wrong++;
      }
    }
  }
  return { believed, wrong };
};

const begun = (note: Snapshot): Process => ({
  snapshot: note,
  floor: note,
  heard: new Map(),
  own: [],
  unnoted: [],
});

const believes = (rule: Rule, { floor, heard }: Process, value: Snapshot, key: number): boolean => {
  const hasFloor =
    rule === 'FLOOR is compared by xmax alone' ? value.xmax >= floor.xmax : covers(value, floor);
  return hasFloor && [...(heard.get(key)?.ids ?? [])].every((id) => seesId(value, id));
};

const noteOwn = (rule: Rule, process: Process, rows: readonly Row[], check: number): void => {
  for (const row of rows) {
    if (!seesId(process.snapshot, row.id)) process.own = [...process.own, row];
    const before = process.heard.get(row.key);
    const others = rule === 'an own id replaces the others' ? [] : (before?.ids ?? []);
    process.heard.set(row.key, { ids: new Set([...others, row.id]), check: before?.check ?? check });
  }
};

/** A check is answered: its rows are those that it sees and the one before it did not. */
const apply = (rule: Rule, process: Process, log: readonly Row[], checks: readonly Snapshot[]): void => {
  const now = at(checks, checks.length - 1);
  const rowsOf = new Map<number, Row[]>();
  for (const row of log) {
    if (seesId(process.snapshot, row.id) || !seesId(now, row.id)) continue;
    rowsOf.set(row.key, [...(rowsOf.get(row.key) ?? []), row]);
  }
  for (const [key, rows] of rowsOf) {
    const before = process.heard.get(key);
    const kept = [...(before?.ids ?? [])].filter((id) => !seesId(process.snapshot, id));
    const ids = rows.map(({ id }) => id);
    const last = rows.reduce((a, b) => (b.order > a.order ? b : a));
    const heard =
      rule === 'HEARD keeps the greatest id'
        ? [Math.max(...ids)]
        : rule === 'HEARD keeps the id of the last row'
          ? [last.id]
          : rule === 'rows replace own ids too'
            ? ids
            : [...ids, ...kept];
    const isFirst = rule === 'the first row of a key says when it is forgotten' && before !== undefined;
    process.heard.set(key, { ids: new Set(heard), check: isFirst ? before.check : checks.length - 1 });
  }
  process.own = process.own.filter(({ id }) => !seesId(now, id));
  process.snapshot = now;
  forget(rule, process, checks);
};

/** Beyond the bound the keys whose last row is oldest are forgotten, and FLOOR rises to the newest of their checks. */
const forget = (rule: Rule, process: Process, checks: readonly Snapshot[]): void => {
  const own = new Set(rule === 'own ids are forgotten' ? [] : process.own.map(({ key }) => key));
  const candidates = [...process.heard]
    .filter(([key]) => !own.has(key))
    .sort(([, one], [, other]) => one.check - other.check);
  for (const [key, { check }] of candidates) {
    if (process.heard.size <= mostKeys) return;
    const brought = at(checks, check);
    const risen = rule === 'FLOOR is cut as values are' ? cut(brought, mostInProgress) : brought;
    if (covers(risen, process.floor)) process.floor = risen;
    process.heard.delete(key);
  }
};

const simulate = (rule: Rule, runs: number): Outcome => {
  const startedAt = performance.now();
  let believed = 0;
  let wrong = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const result = run(rule, seed);
    believed += result.believed;
    wrong += result.wrong;
  }
  return {
    isRefuted: wrong > 0,
    words: wrong === 0 ? 'none wrong' : `${wrong} wrong`,
    looked: `${believed.toLocaleString('en')} values`,
    ms: performance.now() - startedAt,
    trace: [],
  };
};

const mutants: readonly Rule[] = [
  'HEARD keeps the greatest id',
  'HEARD keeps the id of the last row',
  'an own id replaces the others',
  'rows replace own ids too',
  'own ids are forgotten',
  'the first row of a key says when it is forgotten',
  'FLOOR is compared by xmax alone',
  'FLOOR is cut as values are',
];

const designedRuns = 3_000;
const shortRuns = 300;

export const snapshots: readonly Case[] = [
  {
    part: 'snapshots',
    name: `HEARD, FLOOR and the comparison, ${designedRuns.toLocaleString('en')} runs of ${stepsOfRun} steps`,
    expected: 'holds',
    short: false,
    run: () => simulate('designed', designedRuns),
  },
  {
    part: 'snapshots',
    name: `HEARD, FLOOR and the comparison, ${shortRuns} runs of ${stepsOfRun} steps`,
    expected: 'holds',
    short: true,
    run: () => simulate('designed', shortRuns),
  },
];

export const snapshotVariants: readonly Case[] = mutants.map((rule) => ({
  part: 'snapshots',
  name: rule,
  expected: { refuted: 'by chance' },
  short: true,
  run: () => simulate(rule, shortRuns),
}));
