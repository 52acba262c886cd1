/**
 * Lists: the key of a list holds a generation, and the keys of its pages carry it, so that one fence on the list hides
 * all of them. Every writer locks the parent row and changes what every page shows. This is about F1 without faults of
 * Redis; that pages and generations prove themselves by their snapshots is the rule of the log model, key by key.
 */
import { check, type Model, type Take } from './checker.ts';
import { at, type Bytes, type Fields, Layout, recordOf } from './record.ts';
import { type Case, outcomeOf } from './table.ts';

type Fault = 'writer dies' | 'release lost';
const faultNames: readonly Fault[] = ['writer dies', 'release lost'];

type Settings = {
  readonly writers: number;
  /** The page that each reader reads. */
  readonly pages: readonly number[];
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly locksParent: boolean;
  readonly fences: boolean;
  readonly pagesCarryGeneration: boolean;
};

/** Generations are random in Kith; no more different ones are made than these. */
const mostGenerations = 3;

/** A list's argument is the writer of a fence, the reader of a lease, or the generation. */
const List = { absent: 0, fence: 1, lease: 2, generation: 3 } as const;
const Page = { absent: 0, lease: 1, value: 2 } as const;
const Writing = { idle: 0, locked: 1, fenced: 2, unfenced: 3, releasing: 4, orphan: 5, done: 6 } as const;
const Reading = {
  idle: 0,
  creating: 1,
  storing: 2,
  asking: 3,
  leasing: 4,
  selecting: 5,
  filling: 6,
  bypassing: 7,
} as const;

const keyType = recordOf('kind', 'argument');
const globalType = recordOf('version', 'lock', 'generations', 'floor', 'wrong');
const writerType = recordOf('at', 'version');
const readerType = recordOf('at', 'generation', 'version', 'floor');
const budgetType = recordOf('left');

type Key = Fields<'kind' | 'argument'>;
type Writer = Fields<'at' | 'version'>;
type Reader = Fields<'at' | 'generation' | 'version' | 'floor'>;
type World = {
  readonly list: Key;
  /** A key for each generation and page; the argument is the reader of a lease or the version. */
  readonly pages: readonly Key[];
  readonly global: Fields<'version' | 'lock' | 'generations' | 'floor' | 'wrong'>;
  readonly writers: readonly Writer[];
  readonly readers: readonly Reader[];
  readonly budgets: readonly Fields<'left'>[];
};

export const pageModel = (settings: Settings): Model<World> => {
  const layout = new Layout();
  const pageCount = Math.max(...settings.pages) + 1;
  const places = {
    list: layout.one(keyType),
    pages: layout.many(keyType, mostGenerations * pageCount),
    global: layout.one(globalType),
    writers: layout.many(writerType, settings.writers),
    readers: layout.many(readerType, settings.pages.length),
    budgets: layout.many(budgetType, faultNames.length),
  };
  return {
    size: layout.size,
    view: (bytes: Bytes) => ({
      list: places.list(bytes),
      pages: places.pages(bytes),
      global: places.global(bytes),
      writers: places.writers(bytes),
      readers: places.readers(bytes),
      budgets: places.budgets(bytes),
    }),
    begin(add) {
      add((first) => {
        first.global.version = first.global.floor = 1;
        for (const [index, name] of faultNames.entries())
          at(first.budgets, index).left = settings.faults[name] ?? 0;
      });
    },
    steps(now, take) {
      for (const w of now.writers.keys()) writerSteps(settings, now, w, take);
      for (const r of now.readers.keys()) readerSteps(settings, now, r, take);
      const { kind, argument } = now.list;
      const isRelied = kind === List.fence && at(now.writers, argument).at === Writing.fenced;
      if (kind !== List.absent && !isRelied)
        take('Redis', 'the time of the list is over', (next) => setKey(next.list, List.absent));
    },
    wrong: ({ global: { wrong } }) =>
      wrong === 0 ? undefined : `r${wrong - 1} returned a page older than one acknowledged or seen`,
    show: ({ list, pages, global }) =>
      `list ${['-', 'fence of w', 'lease of r', 'generation '][list.kind]}${list.kind === List.absent ? '' : list.argument}; pages ${pages.map(({ kind, argument }) => (kind === Page.value ? argument : '-')).join(' ')}; version ${global.version}`,
  };
};

const setKey = (key: Key, kind: number, argument = 0): void => {
  key.kind = kind;
  key.argument = argument;
};

const budgetOf = (world: World, fault: Fault): Fields<'left'> => at(world.budgets, faultNames.indexOf(fault));

const writerSteps = (settings: Settings, now: World, w: number, take: Take<World>): void => {
  const writer = at(now.writers, w);
  const step = (what: string, change: (next: World, me: Writer) => void): void =>
    take(`w${w}`, what, (next) => change(next, at(next.writers, w)));
  const fault = (kind: Fault, what: string, change: (next: World, me: Writer) => void): void => {
    if (budgetOf(now, kind).left === 0) return;
    step(what, (next, me) => {
      budgetOf(next, kind).left--;
      change(next, me);
    });
  };
  const unlock = ({ global }: World): void => {
    if (global.lock === w + 1) global.lock = 0;
  };
  const acknowledge = (next: World, me: Writer): void => {
    next.global.floor = Math.max(next.global.floor, me.version);
    me.at = Writing.done;
    me.version = 0;
  };
  switch (writer.at) {
    case Writing.idle:
      if (settings.locksParent && now.global.lock !== 0) break;
      step('begins', (next, me) => {
        if (settings.locksParent) next.global.lock = w + 1;
        me.at = settings.fences ? Writing.locked : Writing.unfenced;
      });
      break;
    case Writing.locked:
      step('FENCE', (next, me) => {
        setKey(next.list, List.fence, w);
        me.at = Writing.fenced;
      });
      break;
    case Writing.fenced:
    case Writing.unfenced:
      step('COMMIT', (next, me) => {
        unlock(next);
        next.global.version++;
        me.version = next.global.version;
        me.at = Writing.releasing;
      });
      step('rolls back', (next, me) => {
        unlock(next);
        me.at = Writing.releasing;
      });
      break;
    case Writing.releasing:
      step('RELEASE, acknowledges', (next, me) => {
        if (next.list.kind !== List.fence || next.list.argument === w) setKey(next.list, List.absent);
        acknowledge(next, me);
      });
      fault('release lost', 'RELEASE is lost, acknowledges', acknowledge);
      break;
    case Writing.orphan:
      step('the database rolls it back', (next, me) => {
        unlock(next);
        me.at = Writing.done;
      });
      break;
  }
  if (writer.at === Writing.locked || writer.at === Writing.fenced) {
    fault('writer dies', 'DIES', (_next, me) => {
      me.at = Writing.orphan;
    });
  }
};

const readerSteps = (settings: Settings, now: World, r: number, take: Take<World>): void => {
  const reader = at(now.readers, r);
  const page = at(settings.pages, r);
  const step = (what: string, change: (next: World, me: Reader) => void): void =>
    take(`r${r}, page ${page}`, what, (next) => change(next, at(next.readers, r)));
  const pageOf = (world: World, { generation }: Reader): Key => {
    const shelf = settings.pagesCarryGeneration ? (generation - 1) % mostGenerations : 0;
    return at(world.pages, shelf * (world.pages.length / mostGenerations) + page);
  };
  const answer = (next: World, me: Reader, version: number): void => {
    if (version < me.floor) next.global.wrong = r + 1;
    next.global.floor = Math.max(next.global.floor, version);
    me.floor = 0;
  };
  const rest = (me: Reader): void => {
    me.at = me.generation = me.version = me.floor = 0;
  };
  switch (reader.at) {
    case Reading.idle:
      step('starts and asks for the generation', (next, me) => {
        const { kind, argument } = next.list;
        me.floor = next.global.floor;
        if (kind === List.generation) {
          me.at = Reading.asking;
          me.generation = argument;
        } else me.at = kind === List.absent ? Reading.creating : Reading.bypassing;
      });
      break;
    case Reading.creating:
      step('LEASE of the list', (next, me) => {
        const mayCreate = next.list.kind === List.absent && next.global.generations < mostGenerations;
        if (mayCreate) setKey(next.list, List.lease, r);
        me.at = mayCreate ? Reading.storing : Reading.bypassing;
      });
      break;
    case Reading.storing:
      step('stores a new generation', (next, me) => {
        if (next.list.kind === List.lease && next.list.argument === r) {
          next.global.generations++;
          setKey(next.list, List.generation, next.global.generations);
        }
        // Whoever makes a generation does not use it: perhaps no cache holds it.
        me.at = Reading.bypassing;
      });
      break;
    case Reading.asking:
      step('asks for the page', (next, me) => {
        const { kind, argument } = pageOf(next, me);
        if (kind === Page.value) {
          answer(next, me, argument);
          rest(me);
        } else me.at = kind === Page.lease ? Reading.bypassing : Reading.leasing;
      });
      break;
    case Reading.leasing:
      step('LEASE of the page', (next, me) => {
        const key = pageOf(next, me);
        if (key.kind === Page.absent) setKey(key, Page.lease, r);
        me.at = key.kind === Page.lease && key.argument === r ? Reading.selecting : Reading.bypassing;
      });
      break;
    case Reading.selecting:
      step('SELECT', (next, me) => {
        me.version = next.global.version;
        answer(next, me, me.version);
        me.at = Reading.filling;
      });
      break;
    case Reading.filling:
      step('FILL of the page', (next, me) => {
        const key = pageOf(next, me);
        if (key.kind === Page.lease && key.argument === r) setKey(key, Page.value, me.version);
        rest(me);
      });
      break;
    case Reading.bypassing:
      step('SELECT, for nobody else', (next, me) => {
        answer(next, me, next.global.version);
        rest(me);
      });
      break;
  }
};

const designed: Settings = {
  writers: 2,
  pages: [0, 0],
  faults: {},
  locksParent: true,
  fences: true,
  pagesCarryGeneration: true,
};

const caseOf = (
  name: string,
  changes: Partial<Settings>,
  expected: Case['expected'],
  short = false,
): Case => ({
  part: 'pages',
  name,
  expected,
  short,
  run: (limit) => outcomeOf(check(pageModel({ ...designed, ...changes }), limit)),
});

export const pages: readonly Case[] = [
  caseOf('one writer, two readers of one page', { writers: 1 }, 'holds', true),
  caseOf('one writer, three readers of two pages', { writers: 1, pages: [0, 0, 1] }, 'holds'),
  caseOf('two writers, two readers of one page', {}, 'holds'),
  caseOf('two writers, two readers of two pages', { pages: [0, 1] }, 'holds'),
  caseOf('two writers, two readers of one page; writer dies', { faults: { 'writer dies': 1 } }, 'holds'),
  caseOf('two writers, two readers of one page; release lost', { faults: { 'release lost': 1 } }, 'holds'),
];

export const pageVariants: readonly Case[] = [
  caseOf('writers do not lock the parent row', { locksParent: false }, { refuted: 18 }, true),
  caseOf(
    'pages do not carry the generation',
    { pagesCarryGeneration: false, writers: 1 },
    { refuted: 18 },
    true,
  ),
  caseOf('nobody fences the list', { fences: false, writers: 1 }, { refuted: 13 }, true),
];
