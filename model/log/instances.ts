/** CHECK, HEARD and FLOOR, the beginning and the end of a process, SERVE, and the list of instances. */
import type { Take } from '../checker.ts';
import { at } from '../record.ts';
import { ageOf, can, dropMemory, includes, isOpen, isTimeless, spend } from './rules.ts';
import type { Fault } from './settings.ts';
import {
  Checking,
  type Context,
  clearInstance,
  clearReader,
  type Instance,
  nameOf,
  type World,
} from './world.ts';
import { abandon, noticeIdentity } from './writers.ts';

/** The one that faults happen to. */
export const faulty = 1;

export const instanceSteps = (context: Context, now: World, i: number, take: Take<World>): void => {
  const { rules, j, serving } = context;
  const instance = at(now.instances, i);
  const who = nameOf(i);
  const step = (what: string, change: (next: World, me: Instance) => void): void =>
    take(who, what, (next) => change(next, at(next.instances, i)));
  const fault = (kind: Fault, what: string, change: (next: World, me: Instance) => void): void => {
    if (i !== faulty || !can(context, now, kind)) return;
    step(what, (next, me) => {
      spend(context, next, kind);
      change(next, me);
    });
  };

  if (instance.running === 0) {
    step('STARTS', (next) => start(context, next, i));
    return;
  }
  if (now.environment.promoted === 1 && instance.server === 0) {
    step('moves to Y', (_next, me) => {
      me.server = 1;
    });
  }
  if (instance.server === 1) {
    fault('moves back', 'moves back to X', (_next, me) => {
      me.server = 0;
    });
  }
  if (!serving.includes(i)) {
    if (instance.epoch !== now.database.epoch && context.promised === 'F2')
      step('notices that the database is another one', (next, me) => noticeIdentity(next, me));
    if (rules.list === 'of the last check') {
      step('checks, and keeps the list', (next, me) => {
        me.listed = livingNow(context, next);
        me.age = 0;
      });
    }
    return;
  }

  if (instance.check === Checking.no && instance.cut === 0 && isCheckOfUse(context, now, instance)) {
    step('a check reads the log', (next, me) => {
      me.check = context.promised === 'F2' ? Checking.asked : Checking.answered;
      me.checkSeen = next.database.committed;
      me.checkRows = next.database.log & ~me.seen;
      me.checkEpoch = next.database.epoch;
      me.inRow = ageOf(context, me) <= j ? 1 : 0;
      if (rules.consumesRows) next.database.log &= ~me.checkRows;
    });
    fault('error', 'a check is answered by an error', (_next, me) => {
      if (rules.errorEndsServing) me.serving = me.serveAge = 0;
      me.unanswered = 0;
    });
  }
  if (instance.check === Checking.asked) {
    step('its beat becomes visible', (next, me) => {
      me.beat = 0;
      me.check = Checking.answered;
      if (rules.answersBeforeDropping) giveReceipts(next, i, me.checkSeen);
    });
  }
  if (instance.check === Checking.answered) step('the check is answered', (next) => apply(context, next, i));
  if (rules.silenceOpens && instance.check !== Checking.no && instance.age > 0) {
    step('takes silence for an answer', (_next, me) => {
      me.age = me.wall = 0;
    });
  }
  if (instance.cut === 0) {
    fault('cut off', 'is CUT OFF from the database', (_next, me) => {
      me.cut = 1;
      endCheck(me);
    });
  } else {
    step('reaches the database again', (_next, me) => {
      me.cut = 0;
    });
    if (rules.serveTicks > 0 && (instance.unanswered === 0 || instance.serving === 0)) {
      step('nobody answers it', (_next, me) => {
        me.unanswered = 1;
        // It keeps an open gate open. It opens none.
        if (me.serving === 0 && isOpen(context, me)) me.serving = 1;
      });
    }
  }
  if (mayForget(context, instance)) {
    step('forgets the key', (_next, me) => {
      if (rules.forgets !== 'FLOOR stays') me.floor |= me.brought;
      me.heard = me.brought = me.own = 0;
    });
  }
  if (instance.newFor > j + 1) {
    step('serves from now on', (_next, me) => {
      me.newFor = 0;
      if (rules.newcomer === 'after J and a check') {
        endCheck(me);
        me.age = me.wall = context.oldest;
      }
    });
  }
  fault('killed', 'is KILLED', (next, me) => {
    end(context, next, i);
    me.beat = instance.beat;
  });
  fault('ends', 'ENDS: it closes its gate and leaves the list', (next) => end(context, next, i));
  messageSteps(now, i, take);
};

/** Without gate and belief nobody needs a check. Otherwise, one that could change nothing is left out: its answer would leave the state as it is. */
const isCheckOfUse = (context: Context, now: World, instance: Instance): boolean =>
  !isTimeless(context) &&
  (instance.age > 0 ||
    instance.wall > 0 ||
    instance.opened === 0 ||
    (context.promised === 'F2' && instance.beat > 0) ||
    instance.unanswered === 1 ||
    now.database.committed !== instance.seen ||
    now.database.epoch !== instance.epoch);

const endCheck = (me: Instance): void => {
  me.check = me.checkSeen = me.checkRows = me.checkEpoch = me.checkAge = me.checkWall = me.inRow = 0;
};

/** Apply, in one turn: drop, hear, and only then move the gate and say that it is done. */
const apply = (context: Context, next: World, i: number): void => {
  const { rules } = context;
  const me = at(next.instances, i);
  const { checkSeen, checkRows, checkEpoch, checkAge, checkWall, inRow } = me;
  endCheck(me);
  const isForeign = rules.identityOfChecks && checkEpoch !== me.epoch;
  if (isForeign || (!rules.goesOnWhenSwept && !includes(me.seen, next.database.swept))) {
    startAnew(me, isForeign ? checkSeen : next.database.note, checkEpoch);
    if (isForeign) me.known = 0;
    return;
  }
  // Ids that are given out again were already seen by this snapshot: such rows are not brought.
  const rows = checkEpoch === me.epoch ? checkRows : 0;
  if (rows !== 0) {
    dropMemory(me);
    me.heard = heardOf(context, rows, me);
    me.brought = checkSeen;
    me.own &= ~checkSeen;
  }
  me.seen = checkSeen;
  me.age = checkAge;
  me.wall = checkWall;
  me.opened = rules.gate === 'one check' || inRow === 1 ? 1 : 0;
  me.serving = me.serveAge = me.unanswered = 0;
  if (rules.list === 'of the last check') me.listed = livingNow(context, next);
  giveReceipts(next, i, checkSeen);
};

/** Says to every writer that waits for it what it has applied. */
const giveReceipts = ({ writers }: World, i: number, applied: number): void => {
  for (const [w, writer] of writers.entries()) {
    if ((applied & (1 << w)) !== 0) writer.waitsFor &= ~(1 << i);
  }
};

/** A check replaces only ids that were visible in the snapshot before it. */
const heardOf = ({ rules }: Context, rows: number, { heard, seen }: Instance): number => {
  const all = rows | (heard & ~seen);
  if (rules.heard === 'all ids') return all;
  return 1 << (31 - Math.clz32(all | heard));
};

const mayForget = ({ rules }: Context, { heard, own }: Instance): boolean =>
  rules.forgets !== 'never' && heard !== 0 && (own === 0 || rules.forgets === 'own ids too');

const livingNow = ({ serving, rules, j }: Context, { instances }: World): number => {
  let living = 0;
  for (const i of serving) {
    const { running, beat } = at(instances, i);
    if (running === 1 && beat <= rules.listedForJ * j) living |= 1 << i;
  }
  return living;
};

/** It has lost the thread of the log: nothing is remembered, FLOOR is a snapshot, and two checks open its gate. */
const startAnew = (me: Instance, snapshot: number, epoch: number): void => {
  dropMemory(me);
  me.heard = me.own = me.brought = 0;
  me.floor = me.seen = snapshot;
  me.epoch = epoch;
  me.opened = me.serving = me.serveAge = me.unanswered = 0;
};

const start = (context: Context, next: World, i: number): void => {
  const { rules, oldest } = context;
  const me = at(next.instances, i);
  const { database } = next;
  const { beat } = me;
  clearInstance(me);
  me.running = 1;
  me.server = next.environment.promoted;
  me.beat = beat;
  me.age = me.wall = oldest;
  startAnew(me, database.note, database.epoch);
  // The note is where its reading of the log begins.
  if (rules.start !== 'note and rows') me.seen = database.committed;
  if (rules.start === 'nothing') me.floor = 0;
  if (rules.newcomer !== 'by its checks') {
    me.seen = database.committed;
    me.age = me.wall = 0;
    me.opened = 1;
    me.beat = 0;
    me.newFor = rules.newcomer === 'at once' ? 0 : 1;
  }
};

const end = (context: Context, next: World, i: number): void => {
  const me = at(next.instances, i);
  clearInstance(me);
  me.beat = beatCap(context);
  for (const [r, home] of context.readerHomes.entries()) if (home === i) clearReader(at(next.readers, r));
  for (const [w, home] of context.writerHomes.entries()) if (home === i) abandon(next, w);
};

/** Beats and the knowledge of an identity age to here. */
export const beatCap = ({ j, rules }: Context): number => Math.max(rules.listedForJ, 2) * j + 1;

/** Receipts by a message on the bus, as in a draft. */
const messageSteps = (now: World, i: number, take: Take<World>): void => {
  const bit = 1 << i;
  for (const [w, writer] of now.writers.entries()) {
    if ((writer.messages & bit) === 0) continue;
    take(nameOf(i), `hears the message of w${w}, drops and answers`, (next) => {
      const me = at(next.writers, w);
      me.messages &= ~bit;
      me.answers |= bit;
      dropMemory(at(next.instances, i));
    });
  }
};
