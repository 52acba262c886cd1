/** WRITE and RECEIPTS: lock the row, FENCE, COMMIT, RELEASE, note the own id, wait for receipts, acknowledge. */
import type { Take } from '../checker.ts';
import { at } from '../record.ts';
import { can, dropMemory, holds, serverOf, setKey, spend } from './rules.ts';
import type { Fault } from './settings.ts';
import { type Context, type Instance, Key, type World, type Writer, Writing } from './world.ts';

export const writerSteps = (context: Context, now: World, w: number, take: Take<World>): void => {
  const home = at(context.writerHomes, w);
  const writer = at(now.writers, w);
  const { rules } = context;
  const who = at(context.writerNames, w);
  // What the database does by itself goes on when the process is gone.
  const isWithDatabase = writer.at === Writing.orphan || writer.at === Writing.inFlight;
  if (home >= 0 && at(now.instances, home).running === 0 && !isWithDatabase) return;
  const step = (what: string, change: (next: World, me: Writer) => void): void =>
    take(who, what, (next) => change(next, at(next.writers, w)));
  const fault = (kind: Fault, what: string, change: (next: World, me: Writer) => void): void => {
    if (!can(context, now, kind)) return;
    step(what, (next, me) => {
      spend(context, next, kind);
      change(next, me);
    });
  };
  const fences = home >= 0 && rules.fence !== 'none';

  const lock = (after: number): void => {
    if (now.database.lock !== 0) return;
    step('locks the row', (next, me) => {
      next.database.lock = w + 1;
      me.at = after;
    });
  };
  const fence = (after: number): void => {
    const put = (next: World): void => setKey(serverOf(next, home), Key.fence, w);
    if (now.environment.readOnly === 1) {
      step('FENCE is refused', (_next, me) => {
        me.at = Writing.unfenced;
      });
      return;
    }
    step('FENCE is confirmed', (next, me) => {
      put(next);
      me.at = after;
      me.confirmed = 1;
      if (rules.receipts === 'fence message') tellAll(context, next, me);
    });
    fault('request lost', 'FENCE is lost', (_next, me) => {
      me.at = Writing.unfenced;
    });
    fault('request lost', 'FENCE is done, its answer lost', (next, me) => {
      put(next);
      me.at = Writing.unfenced;
    });
  };

  switch (writer.at) {
    case Writing.idle:
      if (fences && rules.fence === 'before the lock') fence(Writing.fencedFirst);
      else lock(fences ? Writing.locked : Writing.unfenced);
      break;
    case Writing.fencedFirst:
      lock(Writing.fenced);
      break;
    case Writing.locked:
      fence(Writing.fenced);
      break;
    case Writing.fenced:
    case Writing.unfenced:
      step('COMMIT', (next, me) => {
        commit(context, next, w);
        if (home < 0) finish(me);
        else me.at = me.confirmed === 1 || rules.fence === 'none' ? Writing.releasing : Writing.noting;
        if (rules.boundFrom === 'answer of COMMIT') me.waited = me.waitedWall = 0;
      });
      if (home < 0) break;
      fault('late commit', 'COMMIT is sent, and not answered', (_next, me) => {
        me.at = Writing.inFlight;
      });
      fault('rollback', 'rolls back', (next, me) => {
        next.database.lock = 0;
        if (me.confirmed === 1) me.at = Writing.rollingBack;
        else finish(me);
      });
      break;
    case Writing.inFlight:
      step('the late COMMIT becomes visible', (next, me) => {
        commit(context, next, w);
        finish(me);
      });
      break;
    case Writing.releasing:
      step('RELEASE', (next, me) => {
        release(context, next, w);
        me.at = Writing.noting;
        if (rules.receipts === 'release message') tellAll(context, next, me);
      });
      fault('release lost', 'RELEASE is lost', (_next, me) => {
        me.at = Writing.noting;
      });
      break;
    case Writing.rollingBack:
      step('RELEASE after the rollback', (next, me) => {
        if (next.environment.readOnly === 0) {
          const server = serverOf(next, home);
          if (holds(server, Key.fence, w) || server.key !== Key.fence) setKey(server, Key.absent);
        }
        finish(me);
      });
      break;
    case Writing.noting:
      step(context.promised === 'F2' ? 'notes its id' : 'notes its id and ACKNOWLEDGES', (next, me) => {
        noteOwn(context, next, w);
        if (context.promised === 'F2') me.at = Writing.listing;
        else acknowledge(context, next, w);
      });
      break;
    case Writing.listing:
      step('checks and reads the list of instances', (next, me) => {
        if (!context.serving.includes(home)) noticeIdentity(next, at(next.instances, home));
        me.waitsFor = listed(context, next, w);
        me.at = Writing.waiting;
      });
      break;
    case Writing.waiting:
      if (hasReceipts(context, writer)) {
        step('ACKNOWLEDGES', (next) => acknowledge(context, next, w));
      } else if (waited(context, writer) > context.j) {
        step('ACKNOWLEDGES, the bound is over', (next) => acknowledge(context, next, w));
      }
      break;
    case Writing.orphan:
      step('the database rolls it back', (next, me) => {
        if (next.database.lock === w + 1) next.database.lock = 0;
        finish(me);
      });
      break;
  }
  if (
    home >= 0 &&
    writer.at !== Writing.idle &&
    writer.at < Writing.orphan &&
    writer.at !== Writing.inFlight
  ) {
    fault('writer dies', 'DIES', (next) => abandon(next, w));
  }
};

/** The process of a writer is gone. What is committed stays, its fence is left to its time. */
export const abandon = (next: World, w: number): void => {
  const me = at(next.writers, w);
  const holdsLock = next.database.lock === w + 1;
  const { at: where } = me;
  if (where === Writing.idle || where === Writing.done || where === Writing.inFlight) return;
  finish(me);
  if (holdsLock) me.at = Writing.orphan;
};

export const finish = (writer: Writer): void => {
  writer.at = Writing.done;
  writer.confirmed = writer.waited = writer.waitedWall = 0;
  writer.waitsFor = writer.messages = writer.answers = 0;
};

const commit = ({ rules }: Context, { database, writers }: World, w: number): void => {
  const bit = 1 << w;
  database.committed |= bit;
  if (rules.log === 'every change' || at(writers, w).confirmed === 0) database.log |= bit;
  database.last = w + 1;
  database.lock = 0;
};

const release = ({ rules, writerHomes }: Context, next: World, w: number): void => {
  if (next.environment.readOnly === 1) return;
  const server = serverOf(next, at(writerHomes, w));
  const own = holds(server, Key.fence, w);
  if (own || server.key !== Key.fence || rules.release === 'any') setKey(server, Key.absent);
};

const noteOwn = ({ rules, writerHomes, serving }: Context, next: World, w: number): void => {
  const home = at(writerHomes, w);
  if (!rules.notesOwn || !serving.includes(home)) return;
  const instance = at(next.instances, home);
  const bit = 1 << w;
  if (instance.heard === 0) instance.brought = instance.seen;
  instance.heard |= bit;
  if ((instance.seen & bit) === 0) instance.own |= bit;
  dropMemory(instance);
};

const acknowledge = (context: Context, next: World, w: number): void => {
  const me = at(next.writers, w);
  const counts =
    context.promised === 'F2' ||
    context.promised === 'own' ||
    (context.promised === 'F1' && (me.confirmed === 1 || context.rules.fence === 'none'));
  if (counts) next.environment.acknowledged |= 1 << w;
  finish(me);
};

/** A check of an instance that serves nobody: all that it may learn is that the database is another one. */
export const noticeIdentity = ({ database }: World, instance: Instance): void => {
  if (instance.epoch === database.epoch) return;
  instance.epoch = database.epoch;
  instance.known = 0;
};

/** Beyond every instance: the bound itself has to pass. */
const theBound = 0x80;

/** Those whose receipt is missing. Who has applied a snapshot with the change has said so. */
const listed = ({ rules, writerHomes, serving, j }: Context, now: World, w: number): number => {
  const home = at(now.instances, at(writerHomes, w));
  let missing = 0;
  // Whose own check is too old to know takes everybody as living.
  const isOld = home.age > j;
  for (const i of serving) {
    const instance = at(now.instances, i);
    const isListed =
      rules.list === 'of the last check'
        ? isOld || (home.listed & (1 << i)) !== 0
        : instance.running === 1 && instance.beat <= rules.listedForJ * j;
    if (isListed && (instance.seen & (1 << w)) === 0) missing |= 1 << i;
  }
  const isNew = home.known <= 2 * j || home.epoch !== now.database.epoch;
  if (rules.waitsAfterNewIdentity && isNew) missing |= theBound;
  return missing;
};

const hasReceipts = ({ rules, serving }: Context, writer: Writer): boolean => {
  if (rules.receipts === 'none') return true;
  if (rules.receipts === 'log') return writer.waitsFor === 0;
  return serving.every((i) => (writer.answers & (1 << i)) !== 0);
};

/** CLOCKS: what somebody waits for goes by the clock that says less. */
const waited = ({ rules }: Context, { waited: monotonic, waitedWall }: Writer): number =>
  rules.waits === 'smaller' ? Math.min(monotonic, waitedWall) : Math.max(monotonic, waitedWall);

const tellAll = ({ serving }: Context, next: World, writer: Writer): void => {
  for (const i of serving) if (at(next.instances, i).running === 1) writer.messages |= 1 << i;
};
