/**
 * Variants of the log design, each with one rule changed: what looks right and is not. Each must be refuted, in the
 * number of steps of the shortest trace. The first ones are violations that were seen on real servers.
 */
import { check } from '../checker.ts';
import { type Case, outcomeOf } from '../table.ts';
import { logModel } from './model.ts';
import { type Changes, settingsOf } from './promises.ts';

const refuted = (name: string, steps: number, changes: Changes, short = true): Case => ({
  part: 'variants',
  name,
  expected: { refuted: steps },
  short,
  run: (limit) => outcomeOf(check(logModel(settingsOf(changes)), limit)),
});

const psql: Changes = { writers: ['psql'] };
const twoPsql: Changes = { writers: ['psql', 'psql'] };
const f1: Changes = { promised: 'F1', memory: false };
const f2: Changes = { promised: 'F2' };

/** No values that prove themselves. */
const unproved = { belief: 'none' } as const;
/** The fences alone, as F1 rests on them. */
const alone = { belief: 'none', gate: 'none' } as const;

export const known: readonly Case[] = [
  refuted('delete after commit', 10, { ...f1, readers: ['A', 'B'], rules: { ...alone, fence: 'none' } }),
  refuted('memory ignores the gate', 7, { ...psql, rules: { gateCoversMemory: false } }),
  refuted('logged only when unconfirmed; late COMMIT', 10, {
    faults: { 'late commit': 1 },
    rules: { log: 'what was not confirmed' },
  }),
  refuted('logged only when unconfirmed; fail-over', 10, {
    faults: { 'fail-over': 1 },
    rules: { log: 'what was not confirmed' },
  }),
];

export const fences: readonly Case[] = [
  refuted('fence before the row lock', 15, {
    ...f1,
    writers: ['A', 'A'],
    readers: ['A', 'B'],
    rules: { fence: 'before the lock', ...alone },
  }),
  refuted('RELEASE deletes the fence of another', 15, {
    ...f1,
    writers: ['A', 'A'],
    readers: ['A', 'B'],
    rules: { release: 'any', ...alone },
  }),
  refuted('fill with SET NX', 11, { ...f1, rules: { fill: 'absent', ...alone } }),
  refuted('fill with SET', 11, { ...f1, rules: { fill: 'blind', ...alone } }),
  refuted('joins any flight', 10, { ...f1, readers: ['B', 'B'], rules: { joinsAnyFlight: true, ...alone } }),
];

export const beliefs: readonly Case[] = [
  refuted('a value is believed without its snapshot', 7, { ...psql, rules: unproved }),
  refuted('a value is believed without its snapshot; only fail-over', 10, {
    rules: unproved,
    faults: { 'fail-over': 1 },
  }),
  refuted('a value is believed by its version, which is kept', 7, {
    ...psql,
    versions: 'kept',
    rules: { belief: 'version' },
  }),
  refuted('a value is believed by its version, which is lowered', 7, {
    ...psql,
    versions: 'lowered',
    rules: { belief: 'version' },
  }),
  refuted('HEARD keeps the greatest id', 15, { ...twoPsql, rules: { heard: 'greatest id' } }),
  refuted('own id not noted', 5, {
    promised: 'own',
    writers: ['B'],
    faults: { 'request lost': 1 },
    rules: { notesOwn: false },
  }),
  refuted('what is read meanwhile goes into memory unasked', 9, {
    ...psql,
    rules: { believesBeforeMemory: false },
  }),
  refuted('a new look skips BELIEVE', 10, {
    faults: { 'Redis goes back': 1 },
    rules: { pause: 'skips belief' },
  }),
  refuted('values without identity; the database goes back', 12, {
    ...twoPsql,
    faults: { 'database goes back': 1 },
    rules: { identityOfValues: false },
  }),
  refuted('values without identity; the database crashes', 10, {
    ...psql,
    faults: { 'database crashes': 1 },
    rules: { identityOfValues: false },
  }),
  refuted('checks do not see a new identity; the database crashes', 8, {
    ...psql,
    faults: { 'database crashes': 1 },
    rules: { identityOfChecks: false, identityOfValues: false },
  }),
];

export const floors: readonly Case[] = [
  refuted('a key is forgotten and FLOOR stays', 8, { ...psql, rules: { forgets: 'FLOOR stays' } }),
  refuted('own ids are forgotten too', 6, {
    promised: 'own',
    writers: ['B'],
    faults: { 'request lost': 1 },
    rules: { forgets: 'own ids too' },
  }),
  refuted('a new process has no FLOOR and no rows', 10, {
    ...psql,
    faults: { starts: 1 },
    rules: { start: 'nothing' },
  }),
  refuted('a new process takes the note and not its rows', 10, {
    ...psql,
    faults: { starts: 1 },
    rules: { start: 'note alone' },
  }),
  refuted('who is older than the sweep goes on', 9, {
    ...psql,
    faults: { sweep: 1 },
    rules: { goesOnWhenSwept: true },
  }),
  refuted('rows are consumed by who reads them first', 8, {
    ...psql,
    readers: ['A', 'B'],
    rules: { consumesRows: true },
  }),
];

export const gates: readonly Case[] = [
  refuted('the bound J - 1', 4, { ...psql, allowed: 0 }),
  refuted('silence opens the gate', 7, { ...psql, rules: { silenceOpens: true } }),
  refuted('ages by the monotonic clock; suspended', 5, {
    ...psql,
    faults: { suspended: 1 },
    rules: { ages: 'monotonic' },
  }),
  refuted('SERVE under F0', 7, {
    ...psql,
    faults: { 'cut off': 1 },
    rules: { serveTicks: 3, serveIsExcused: false },
  }),
  refuted('SERVE under F2', 14, { ...f2, faults: { 'cut off': 1 }, rules: { serveTicks: 3 } }),
  refuted('SERVE: an error does not end it', 9, {
    ...psql,
    faults: { 'cut off': 1, error: 1 },
    rules: { serveTicks: 3, errorEndsServing: false },
  }),
  refuted('SERVE: counted from the first silence', 9, {
    ...psql,
    faults: { 'cut off': 1 },
    rules: { serveTicks: 3, serveCountsFrom: 'first silence' },
  }),
];

export const lists: readonly Case[] = [
  refuted('no waiting for receipts', 10, { ...f2, rules: { receipts: 'none' } }),
  refuted('one check opens the gate', 15, { ...f2, faults: { starts: 1 }, rules: { gate: 'one check' } }),
  refuted('listed for J', 15, { ...f2, rules: { listedForJ: 1 } }),
  refuted('listed for J; starts', 20, { ...f2, faults: { starts: 1 }, rules: { listedForJ: 1 } }, false),
  refuted('the list of the last check', 20, { ...f2, rules: { list: 'of the last check' } }, false),
  refuted('the list of the last check; a newcomer serves at once', 12, {
    ...f2,
    faults: { starts: 1 },
    rules: { list: 'of the last check', newcomer: 'at once' },
  }),
  refuted(
    'the list of the last check; a newcomer serves after J',
    19,
    {
      ...f2,
      faults: { starts: 1 },
      rules: { list: 'of the last check', newcomer: 'after J' },
    },
    false,
  ),
  refuted(
    'the list of the last check; after J and a check',
    22,
    {
      ...f2,
      faults: { starts: 1 },
      rules: { list: 'of the last check', newcomer: 'after J and a check' },
    },
    false,
  ),
  refuted('a short list is trusted after a change of identity', 11, {
    ...f2,
    faults: { 'database crashes': 1 },
    rules: { waitsAfterNewIdentity: false },
  }),
  refuted('the bound is counted from the sending of COMMIT', 15, {
    ...f2,
    faults: { 'cut off': 1 },
    rules: { boundFrom: 'sending of COMMIT' },
  }),
  refuted('waits by the larger clock; the wall clock steps forward', 11, {
    ...f2,
    faults: { 'clock forward': 1 },
    rules: { waits: 'larger' },
  }),
  refuted("receipts on the fence's message", 11, { ...f2, rules: { receipts: 'fence message' } }),
  refuted("receipts on the release's message", 11, { ...f2, rules: { receipts: 'release message' } }),
  refuted('receipts before dropping', 12, {
    ...f2,
    rules: { answersBeforeDropping: true },
  }),
];

export const variants: readonly Case[] = [...known, ...fences, ...beliefs, ...floors, ...gates, ...lists];
