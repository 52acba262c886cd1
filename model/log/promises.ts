/** The promises of the log design, and the faults under which they must hold. */
import { check } from '../checker.ts';
import { type Case, outcomeOf } from '../table.ts';
import { logModel } from './model.ts';
import { designed, type Fault, type Home, type Rules, type Settings, usual } from './settings.ts';

export type Changes = Partial<Omit<Settings, 'rules'>> & { readonly rules?: Partial<Rules> };

export const settingsOf = ({ rules, ...changes }: Changes): Settings => ({
  ...usual,
  ...changes,
  rules: { ...designed, ...rules },
});

const holds = (part: string, name: string, changes: Changes, short = false): Case => ({
  part,
  name,
  expected: 'holds',
  short,
  run: (limit) => outcomeOf(check(logModel(settingsOf(changes)), limit)),
});

type Faults = Partial<Record<Fault, number>>;

const namesOf = (faults: Faults): string => {
  const names = Object.entries(faults).map(([name, times]) => (times === 2 ? `${name} twice` : name));
  return names.length === 0 ? 'no fault' : names.join(' + ');
};

/** A case for each of the faults; those that are named belong to the short form. */
const each = (
  part: string,
  about: string,
  changes: Changes,
  faults: readonly Faults[],
  short: readonly string[] = [],
): readonly Case[] =>
  faults.map((one) => {
    const name = namesOf(one);
    return holds(part, `${about}; ${name}`, { ...changes, faults: one }, short.includes(name));
  });

const lateWithoutFence: Faults = { 'late commit': 1, 'fence lost': 1 };
const single: readonly Faults[] = [
  {},
  { 'request lost': 1 },
  { 'release lost': 1 },
  { 'fence lost': 1 },
  { 'late commit': 1 },
  { rollback: 1 },
  { 'writer dies': 1 },
  { 'fail-over': 1 },
  { 'Redis goes back': 1 },
  { 'read-only Redis': 1 },
  { 'cut off': 1 },
  { error: 1 },
  { starts: 1 },
  { killed: 1 },
  { ends: 1 },
  { 'database crashes': 1 },
  { 'database goes back': 1 },
];
const several: readonly Faults[] = [
  lateWithoutFence,
  { 'Redis goes back': 2 },
  { 'fail-over': 1, 'moves back': 1 },
  { 'fail-over': 1, 'Redis goes back': 1 },
  { killed: 1, 'Redis goes back': 1 },
  { killed: 1, 'fail-over': 1 },
  { killed: 2 },
  { 'read-only Redis': 1, 'fence lost': 1 },
  { 'cut off': 1, 'Redis goes back': 1 },
  { 'database crashes': 1, 'Redis goes back': 1 },
  { 'database goes back': 1, 'cut off': 1 },
];
const forgets: Changes = { rules: { forgets: 'FLOOR rises' } };

const one = (home: Home): Changes => ({ writers: [home] });

export const freshness: readonly Case[] = [
  ...each('F0', 'writer at A', one('A'), [...single, ...several], ['no fault', 'late commit', 'fail-over']),
  ...each(
    'F0',
    'psql',
    one('psql'),
    [...single.filter((faults) => !isOfWriters(faults)), ...several.slice(1)],
    ['no fault', 'Redis goes back', 'killed'],
  ),
  ...each('F0', 'writer at B, who reads', one('B'), single),
  ...each(
    'F0',
    'psql, psql',
    { writers: ['psql', 'psql'] },
    [{}, { 'Redis goes back': 1 }, { killed: 1 }, { 'database goes back': 1 }, { 'database crashes': 1 }],
    ['no fault'],
  ),
  ...each('F0', 'A, psql', { writers: ['A', 'psql'] }, [
    {},
    ...single.slice(1),
    lateWithoutFence,
    { 'fail-over': 1, 'moves back': 1 },
  ]),
  ...each('F0', 'psql; two readers at B', { ...one('psql'), readers: ['B', 'B'] }, [
    {},
    { 'Redis goes back': 1 },
    { killed: 1 },
  ]),
  ...each('F0', 'A; readers at A and B', { ...one('A'), readers: ['A', 'B'] }, [
    {},
    { 'late commit': 1 },
    { 'fail-over': 1 },
    { 'cut off': 1 },
  ]),
  ...each('F0', 'psql; J of 2 ticks', { ...one('psql'), j: 2, allowed: 2 }, [
    {},
    { 'Redis goes back': 1 },
    { killed: 1 },
    { 'cut off': 1 },
  ]),
  ...each('F0', 'psql; the version is lowered', { ...one('psql'), versions: 'lowered' }, [
    {},
    { 'fail-over': 1 },
  ]),
];

function isOfWriters(faults: Faults): boolean {
  const names: readonly string[] = [
    'request lost',
    'release lost',
    'fence lost',
    'late commit',
    'rollback',
    'writer dies',
  ];
  return Object.keys(faults).some((name) => names.includes(name));
}

export const floor: readonly Case[] = [
  ...each(
    'FLOOR',
    'psql, keys are forgotten',
    { ...one('psql'), ...forgets },
    [{}, { 'Redis goes back': 1 }, { killed: 1 }, { 'fail-over': 1 }],
    ['Redis goes back'],
  ),
  ...each('FLOOR', 'psql, psql, keys are forgotten', { writers: ['psql', 'psql'], ...forgets }, [
    {},
    { 'Redis goes back': 1 },
    { killed: 1 },
  ]),
  ...each('FLOOR', 'B, psql, keys are forgotten', { writers: ['B', 'psql'], ...forgets }, [
    {},
    { 'request lost': 1 },
  ]),
  ...each('FLOOR', 'own writes; B, keys are forgotten', { ...one('B'), promised: 'own', ...forgets }, [
    { 'request lost': 1 },
    { 'request lost': 1, 'Redis goes back': 1 },
  ]),
  ...each(
    'FLOOR',
    'psql, the log is swept',
    one('psql'),
    [{ sweep: 1 }, { sweep: 1, killed: 1 }, { sweep: 1, 'Redis goes back': 1 }, { sweep: 1, 'cut off': 1 }],
    ['sweep + killed'],
  ),
  ...each('FLOOR', 'psql, psql, the log is swept', { writers: ['psql', 'psql'] }, [
    { sweep: 1 },
    { sweep: 1, killed: 1 },
  ]),
  ...each('FLOOR', 'psql, psql, starts', { writers: ['psql', 'psql'] }, [
    { starts: 1, 'Redis goes back': 1 },
    { killed: 1, 'Redis goes back': 1 },
  ]),
];

const serves: Changes = { writers: ['psql'], rules: { serveTicks: 3 } };
export const serving: readonly Case[] = [
  ...each(
    'SERVE',
    'psql, 3 ticks for J of 1',
    serves,
    [
      {},
      { 'cut off': 1 },
      { 'cut off': 2 },
      { 'cut off': 1, error: 1 },
      { 'cut off': 1, 'Redis goes back': 1 },
      { 'cut off': 1, killed: 1 },
      { 'cut off': 1, suspended: 1 },
      { 'cut off': 1, 'clock forward': 1 },
    ],
    ['cut off + error'],
  ),
  ...each('SERVE', 'A; readers at A and B', { ...serves, writers: ['A'], readers: ['A', 'B'] }, [
    { 'cut off': 1 },
  ]),
];

export const clocks: readonly Case[] = [
  ...each(
    'CLOCKS',
    'psql',
    one('psql'),
    [
      { suspended: 1 },
      { suspended: 2 },
      { 'clock forward': 1 },
      { 'clock back': 1 },
      { suspended: 1, 'clock forward': 1 },
    ],
    ['suspended'],
  ),
  ...each(
    'CLOCKS',
    'F2; A',
    { ...one('A'), promised: 'F2' },
    [{ suspended: 1 }, { 'clock forward': 1 }, { 'clock back': 1 }],
    ['clock forward'],
  ),
];

const noLoss: readonly Faults[] = [
  {},
  { 'release lost': 1 },
  { rollback: 1 },
  { 'writer dies': 1 },
  { 'cut off': 1 },
  { killed: 1 },
  { 'release lost': 1, 'writer dies': 1 },
];
/** What F1 rests on: no gate, no belief, no clock. */
const alone = { belief: 'none', gate: 'none' } as const;
const inRedis: Changes = { promised: 'F1', memory: false };
export const acknowledged: readonly Case[] = [
  ...each('F1', 'A; a reader at B', { ...inRedis, ...one('A') }, noLoss, ['no fault']),
  ...each('F1', 'A; readers at A and B', { ...inRedis, ...one('A'), readers: ['A', 'B'] }, noLoss),
  ...each('F1', 'A, B; a reader at B', { ...inRedis, writers: ['A', 'B'] }, noLoss, ['no fault']),
  ...each('F1', 'A, A; two readers at B', { ...inRedis, writers: ['A', 'A'], readers: ['B', 'B'] }, [
    {},
    { 'release lost': 1 },
    { 'writer dies': 1 },
  ]),
  ...each(
    'F1',
    'fences alone; A, A; readers at A and B',
    { ...inRedis, writers: ['A', 'A'], readers: ['A', 'B'], rules: alone },
    noLoss.filter((faults) => !('cut off' in faults)),
    ['no fault'],
  ),
  ...each(
    'F1',
    'fences alone; A, B; readers at A and B and B',
    { ...inRedis, writers: ['A', 'B'], readers: ['A', 'B', 'B'], rules: alone },
    [{}, { 'writer dies': 1 }],
  ),
  ...each(
    'own',
    'B',
    { ...one('B'), promised: 'own' },
    [
      {},
      { 'request lost': 1 },
      { 'request lost': 1, 'fail-over': 1 },
      { 'request lost': 1, 'Redis goes back': 1 },
      { 'request lost': 1, 'read-only Redis': 1 },
      { 'request lost': 1, 'cut off': 1 },
      { 'fence lost': 1 },
    ],
    ['request lost'],
  ),
  ...each('own', 'B, B', { writers: ['B', 'B'], promised: 'own' }, [{ 'request lost': 2 }]),
];

const security: Changes = { promised: 'F2' };
export const receipts: readonly Case[] = [
  ...each(
    'F2',
    'A; a reader at B',
    { ...security, ...one('A') },
    [
      ...single.filter((faults) => !('database goes back' in faults)),
      ...several.filter((faults) => !('database goes back' in faults)),
      { 'database crashes': 1, 'cut off': 1 },
      { starts: 1, 'cut off': 1 },
      { ends: 1, 'cut off': 1 },
    ],
    ['no fault', 'starts'],
  ),
  ...each('F2', 'B; a reader at B', { ...security, ...one('B') }, [
    { 'database crashes': 1 },
    {},
    { 'request lost': 1 },
    { 'cut off': 1 },
    { 'fail-over': 1 },
  ]),
  ...each('F2', 'A, psql; a reader at B', { ...security, writers: ['A', 'psql'] }, [
    {},
    { 'cut off': 1 },
    { starts: 1 },
    { 'Redis goes back': 1 },
  ]),
  ...each('F2', 'A; J of 2 ticks', { ...security, ...one('A'), j: 2, allowed: 2 }, [
    {},
    { starts: 1 },
    { killed: 1 },
    { 'database crashes': 1 },
  ]),
];

/** What is not needed, though it does no harm: since values prove themselves. */
const noGateInPause: Partial<Rules> = { pause: 'skips the gate' };
export const spare: readonly Case[] = [
  ...each('spare', 'F0; A, a new look skips the gate', { ...one('A'), rules: noGateInPause }, [
    { 'cut off': 1 },
    { 'fail-over': 1 },
  ]),
  ...each('spare', 'F2; A, a new look skips the gate', { ...security, ...one('A'), rules: noGateInPause }, [
    { 'cut off': 1 },
    { 'fail-over': 1 },
  ]),
];

export const three: readonly Case[] = [
  ...each(
    'three',
    'F0; writer at A, readers at B and C',
    { ...one('A'), readers: ['B', 'C'] },
    [{}, { 'late commit': 1 }, { 'fail-over': 1 }, { killed: 1 }, { 'Redis goes back': 1 }],
    ['no fault'],
  ),
  ...each('three', 'F0; psql, readers at A, B and C', { ...one('psql'), readers: ['A', 'B', 'C'] }, [
    {},
    { 'cut off': 1 },
    { 'fail-over': 1 },
  ]),
  ...each('three', 'F2; writer at A, readers at B and C', { ...security, ...one('A'), readers: ['B', 'C'] }, [
    {},
    { 'cut off': 1 },
    { starts: 1 },
    { 'fail-over': 1 },
  ]),
  ...each(
    'three',
    'F2; writers at A and B, readers at B and C',
    { ...security, writers: ['A', 'B'], readers: ['B', 'C'] },
    [{}, { 'cut off': 1 }],
  ),
];

/** Cases that are worth more than the usual bound. */
const needs: Readonly<Record<string, number>> = {
  'F1: A, A; two readers at B; no fault': 1_300_000,
  'F2: A; a reader at B; fail-over': 1_600_000,
  'F2: B; a reader at B; fail-over': 1_700_000,
  'spare: F2; A, a new look skips the gate; fail-over': 1_600_000,
  'three: F0; writer at A, readers at B and C; no fault': 5_500_000,
};

const all: readonly Case[] = [
  ...freshness,
  ...floor,
  ...serving,
  ...clocks,
  ...acknowledged,
  ...receipts,
  ...three,
  ...spare,
];

export const promises: readonly Case[] = all.map((one) => {
  const most = needs[`${one.part}: ${one.name}`];
  return most === undefined ? one : { ...one, needs: most };
});
