import { describe, expect, it } from 'vitest';
import { type Changes, settingsOf } from '../../model/log/promises.ts';
import type { Fault, Promised } from '../../model/log/settings.ts';
import type { Step } from '../../model/trace/steps.ts';
import { validate } from '../../model/trace/validator.ts';
import { walk } from '../../model/trace/walk.ts';

/** The same numbers in each run (Numerical Recipes' generator), from 0 to 1. */
const numbers = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const isRead = ({ word }: Step): boolean => word === 'reads end';

/** The reasons why the walks were refused, each once; walks on which nobody reads are not counted. */
const refusals = (changes: Changes, walks: number, seed = 7): ReadonlySet<string> => {
  const random = numbers(seed);
  const whys = new Set<string>();
  for (let n = 0; n < walks; ) {
    const trace = walk(settingsOf({ readers: ['A', 'B', 'B'], ...changes }), 120, random);
    if (!trace.some(isRead)) continue;
    n++;
    const refusal = validate(trace);
    if (refusal !== undefined) whys.add(refusal.why);
    if (whys.size > 0) break;
  }
  return whys;
};

const faults = [
  'request lost',
  'release lost',
  'fence lost',
  'late commit',
  'rollback',
  'writer dies',
  'Redis goes back',
  'read-only Redis',
  'cut off',
  'error',
  'starts',
  'killed',
  'ends',
  'suspended',
  'clock forward',
  'clock back',
  'database crashes',
  'database goes back',
  'sweep',
] as const satisfies readonly Fault[];

describe('the validator accepts what the model does', () => {
  it.each(faults)('with this fault, once or twice: %s', (fault) => {
    for (const [seed, promised] of (['F0', 'F1', 'F2', 'own'] satisfies readonly Promised[]).entries())
      for (const writers of [['A', 'B'] as const, ['psql', 'A'] as const])
        expect(refusals({ promised, writers, faults: { [fault]: 2 } }, 12, seed)).toEqual(new Set());
  });

  it('while it serves without a database', () => {
    const changes: Changes = { writers: ['A', 'psql'], faults: { 'cut off': 2 }, rules: { serveTicks: 3 } };
    expect(refusals(changes, 200)).toEqual(new Set());
  });
});

const two = { writers: ['A', 'B'] } as const satisfies Changes;
const psql = { writers: ['psql', 'A'] } as const satisfies Changes;
const f2 = { ...two, promised: 'F2' } as const satisfies Changes;
const own = { writers: ['B', 'psql'], promised: 'own', faults: { 'request lost': 1 } } as const;
const starting = { ...two, faults: { starts: 1 } } as const satisfies Changes;
const cutOff = { ...two, faults: { 'cut off': 1 } } as const satisfies Changes;

const gateIsClosed = /the gate is closed/;
const notBelieved = /not to be believed/;
const mayServe = /may still serve what was before/;
const notItsLease = /may not fill/;

describe('the validator refuses what a variant of the model does', () => {
  it.each<readonly [name: string, why: RegExp, changes: Changes]>([
    ['no fence', /without a fence/, { ...two, rules: { fence: 'none' } }],
    ['fence before the lock', /has not locked/, { ...two, rules: { fence: 'before the lock' } }],
    [
      'any fence is released',
      /may not release/,
      { ...two, faults: { 'release lost': 1, 'request lost': 1 }, rules: { release: 'any' } },
    ],
    ['fill with SET NX', notItsLease, { ...two, rules: { fill: 'absent' } }],
    ['fill with SET', notItsLease, { ...two, rules: { fill: 'blind' } }],
    ['joins any flight', /before it began/, { ...two, rules: { joinsAnyFlight: true } }],
    ['logged only when unconfirmed', /does not bring/, { ...two, rules: { log: 'what was not confirmed' } }],
    ['rows are consumed', /does not bring/, { ...psql, rules: { consumesRows: true } }],
    ['no belief', notBelieved, { ...psql, rules: { belief: 'none' } }],
    ['belief by version', notBelieved, { ...psql, versions: 'kept', rules: { belief: 'version' } }],
    ['the greatest id', notBelieved, { writers: ['psql', 'psql'], rules: { heard: 'greatest id' } }],
    ['own id not noted', notBelieved, { ...own, rules: { notesOwn: false } }],
    ['FLOOR stays', notBelieved, { ...psql, rules: { forgets: 'FLOOR stays' } }],
    ['own ids are forgotten', notBelieved, { ...own, rules: { forgets: 'own ids too' } }],
    [
      'no identity in values',
      notBelieved,
      { ...psql, faults: { 'database goes back': 1 }, rules: { identityOfValues: false } },
    ],
    [
      'no identity in checks',
      /./,
      { ...psql, faults: { 'database goes back': 1 }, rules: { identityOfChecks: false } },
    ],
    ['no belief before memory', notBelieved, { ...psql, rules: { believesBeforeMemory: false } }],
    ['a new look skips the gate', gateIsClosed, { ...cutOff, rules: { pause: 'skips the gate' } }],
    ['one check', gateIsClosed, { ...starting, rules: { gate: 'one check' } }],
    ['no gate', gateIsClosed, { ...cutOff, rules: { gate: 'none' } }],
    ['memory ignores the gate', gateIsClosed, { ...cutOff, rules: { gateCoversMemory: false } }],
    ['silence opens', gateIsClosed, { ...cutOff, rules: { silenceOpens: true } }],
    [
      'the monotonic clock alone',
      gateIsClosed,
      { ...two, faults: { suspended: 2 }, rules: { ages: 'monotonic' } },
    ],
    ['a newcomer serves at once', gateIsClosed, { ...starting, rules: { newcomer: 'at once' } }],
    ['a newcomer serves after J', gateIsClosed, { ...starting, rules: { newcomer: 'after J' } }],
    ['it goes on when swept', /./, { ...two, faults: { sweep: 2 }, rules: { goesOnWhenSwept: true } }],
    [
      'SERVE from the first silence',
      gateIsClosed,
      { ...cutOff, rules: { serveTicks: 2, serveCountsFrom: 'first silence' } },
    ],
    [
      'an error does not end SERVE',
      gateIsClosed,
      { ...two, faults: { 'cut off': 1, error: 1 }, rules: { serveTicks: 3, errorEndsServing: false } },
    ],
    ['no receipts', mayServe, { ...f2, rules: { receipts: 'none' } }],
    ['receipts on the fence’s message', mayServe, { ...f2, rules: { receipts: 'fence message' } }],
    ['receipts on the release’s message', mayServe, { ...f2, rules: { receipts: 'release message' } }],
    ['receipts before dropping', mayServe, { ...f2, rules: { answersBeforeDropping: true } }],
    [
      'a short list is trusted',
      mayServe,
      { ...f2, faults: { 'database crashes': 1 }, rules: { waitsAfterNewIdentity: false } },
    ],
    [
      'waits by the larger clock',
      mayServe,
      { ...f2, faults: { 'clock forward': 2 }, rules: { waits: 'larger' } },
    ],
    [
      'the bound from the sending',
      mayServe,
      { ...f2, faults: { 'cut off': 1 }, rules: { boundFrom: 'sending of COMMIT' } },
    ],
  ])('%s', (_name, why, changes) => {
    const [first] = refusals(changes, 400);
    expect(first).toMatch(why);
  });
});

it('a trace in which nothing is read shows nothing', () => {
  expect(() => validate([])).toThrow(/shows nothing/);
});
