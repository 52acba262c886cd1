/**
 * Aliases: an address leads to the id of a user. What is cached is a hint that is verified on the user; that nobody has
 * an address is not cached, and no fence covers an alias. One address moves between users. Reading a user by its id is
 * one step and right here: the log model is about that.
 */
import { check, type Model, type Take } from './checker.ts';
import { at, type Bytes, type Fields, Layout, recordOf } from './record.ts';
import { type Case, outcomeOf } from './table.ts';

/** A transaction in which a user gives the address up, another one takes it, or both; 0 is nobody. */
type Move = { readonly from: number; readonly to: number };

type Settings = {
  readonly moves: readonly Move[];
  /** Who has the address at the beginning. */
  readonly owner: number;
  readonly readers: number;
  readonly verifies: boolean;
  readonly cachesAbsence: boolean;
};

const Key = { absent: 0, lease: 1, hint: 2 } as const;
const Reading = { idle: 0, verifying: 1, dropping: 2, leasing: 3, selecting: 4, filling: 5 } as const;

const keyType = recordOf('kind', 'argument');
/** How often it moved; before which move no later lookup may be; who returned something wrong. */
const globalType = recordOf('moved', 'floor', 'wrong');
const ownerType = recordOf('user');
const writerType = recordOf('done');
const readerType = recordOf('at', 'user', 'floor');

type Global = Fields<'moved' | 'floor' | 'wrong'>;
type Reader = Fields<'at' | 'user' | 'floor'>;
type World = {
  readonly key: Fields<'kind' | 'argument'>;
  readonly global: Global;
  /** All owners so far, in their order. */
  readonly owners: readonly Fields<'user'>[];
  readonly writers: readonly Fields<'done'>[];
  readonly readers: readonly Reader[];
};

export const aliasModel = (settings: Settings): Model<World> => {
  const layout = new Layout();
  const places = {
    key: layout.one(keyType),
    global: layout.one(globalType),
    owners: layout.many(ownerType, settings.moves.length + 1),
    writers: layout.many(writerType, settings.moves.length),
    readers: layout.many(readerType, settings.readers),
  };
  return {
    size: layout.size,
    view: (bytes: Bytes) => ({
      key: places.key(bytes),
      global: places.global(bytes),
      owners: places.owners(bytes),
      writers: places.writers(bytes),
      readers: places.readers(bytes),
    }),
    begin: (add) =>
      add((first) => {
        at(first.owners, 0).user = settings.owner;
      }),
    steps(now, take) {
      for (const w of now.writers.keys()) moveStep(settings, now, w, take);
      for (const r of now.readers.keys()) readerSteps(settings, now, r, take);
      if (now.key.kind !== Key.absent) take('Redis', 'the time of the entry is over', (next) => setKey(next));
    },
    wrong: ({ global: { wrong } }) =>
      wrong === 0
        ? undefined
        : `r${wrong - 1} returned somebody who did not have the address while it looked, or had it before one seen`,
    show: (now) =>
      `alias ${['-', 'lease of r', 'hint at user '][now.key.kind]}${now.key.kind === Key.absent ? '' : now.key.argument}; the address belongs to ${ownerOf(now)}`,
  };
};

const setKey = ({ key }: World, kind: number = Key.absent, argument = 0): void => {
  key.kind = kind;
  key.argument = argument;
};

const ownerOf = ({ owners, global }: World): number => at(owners, global.moved).user;

/** Begins, commits and is acknowledged in one step: the unique index lets one of them in at a time. */
const moveStep = ({ moves }: Settings, now: World, w: number, take: Take<World>): void => {
  const { from, to } = at(moves, w);
  if (at(now.writers, w).done === 1 || ownerOf(now) !== from) return;
  take(`w${w}`, `COMMIT, from user ${from} to user ${to}, acknowledged`, (next) => {
    at(next.writers, w).done = 1;
    next.global.moved++;
    at(next.owners, next.global.moved).user = to;
    next.global.floor = next.global.moved;
  });
};

/** A lookup returns who had the address at some moment since it started, and not before what others saw. */
const answer = ({ readers, owners, global }: World, r: number, user: number): void => {
  const me = at(readers, r);
  let moment = me.floor;
  while (moment <= global.moved && at(owners, moment).user !== user) moment++;
  if (moment > global.moved) global.wrong = r + 1;
  else global.floor = Math.max(global.floor, moment);
  me.at = me.user = me.floor = 0;
};

const readerSteps = (settings: Settings, now: World, r: number, take: Take<World>): void => {
  const step = (what: string, change: (next: World, me: Reader) => void): void =>
    take(`r${r}`, what, (next) => change(next, at(next.readers, r)));
  switch (at(now.readers, r).at) {
    case Reading.idle:
      step('looks the address up', (next, me) => {
        const { kind, argument } = next.key;
        me.floor = next.global.floor;
        if (kind !== Key.hint) me.at = kind === Key.absent ? Reading.leasing : Reading.selecting;
        else if (argument === 0 || !settings.verifies) answer(next, r, argument);
        else {
          me.at = Reading.verifying;
          me.user = argument;
        }
      });
      break;
    case Reading.verifying:
      step('reads the user and compares', (next, me) => {
        if (ownerOf(next) === me.user) answer(next, r, me.user);
        else me.at = Reading.dropping;
      });
      break;
    case Reading.dropping:
      step('drops the wrong hint', (next, me) => {
        if (next.key.kind === Key.hint && next.key.argument === me.user) setKey(next);
        me.at = Reading.selecting;
      });
      break;
    case Reading.leasing:
      step('LEASE', (next, me) => {
        if (next.key.kind === Key.absent) setKey(next, Key.lease, r);
        me.at = Reading.selecting;
      });
      break;
    case Reading.selecting:
      step('SELECT by address', (next, me) => {
        const user = ownerOf(next);
        answer(next, r, user);
        if (next.key.kind === Key.lease && next.key.argument === r) {
          me.at = Reading.filling;
          me.user = user;
        }
      });
      break;
    case Reading.filling:
      step('FILL', (next, me) => {
        const mayFill = me.user !== 0 || settings.cachesAbsence;
        if (next.key.kind === Key.lease && next.key.argument === r && mayFill)
          setKey(next, Key.hint, me.user);
        me.at = me.user = 0;
      });
      break;
  }
};

const designed: Settings = { moves: [], owner: 1, readers: 3, verifies: true, cachesAbsence: false };
const drops = { from: 1, to: 0 };
const takes = (to: number): Move => ({ from: 0, to });

const caseOf = (
  name: string,
  changes: Partial<Settings>,
  expected: Case['expected'],
  short = true,
): Case => ({
  part: 'aliases',
  name,
  expected,
  short,
  run: (limit) => outcomeOf(check(aliasModel({ ...designed, ...changes }), limit)),
});

export const aliases: readonly Case[] = [
  caseOf('user 1 drops the address, user 2 takes it', { moves: [drops, takes(2)] }, 'holds'),
  caseOf('from user 1 to user 2 in one transaction', { moves: [{ from: 1, to: 2 }] }, 'holds'),
  caseOf(
    'there and back',
    {
      moves: [
        { from: 1, to: 2 },
        { from: 2, to: 1 },
      ],
    },
    'holds',
  ),
  caseOf('two race for a free address', { moves: [takes(2), takes(3)], owner: 0 }, 'holds'),
  caseOf(
    'dropped, taken, dropped, taken',
    { moves: [drops, takes(2), { from: 2, to: 0 }, takes(1)] },
    'holds',
    false,
  ),
];

export const aliasVariants: readonly Case[] = [
  caseOf('the hint is not verified', { moves: [{ from: 1, to: 2 }], verifies: false }, { refuted: 6 }),
  caseOf(
    'absence is cached, without a fence',
    { moves: [takes(2)], owner: 0, cachesAbsence: true },
    { refuted: 6 },
  ),
];
