/** Redis, the database and the clocks by themselves: what ends, moves, crashes, goes back, and passes. */
import type { Take } from '../checker.ts';
import { at } from '../record.ts';
import { beatCap, faulty } from './instances.ts';
import { can, isTimeless, setKey, spend } from './rules.ts';
import type { Fault } from './settings.ts';
import { Checking, type Context, Key, nameOf, type Server, type World, Writing } from './world.ts';
import { finish } from './writers.ts';

export const environmentSteps = (context: Context, now: World, take: Take<World>): void => {
  redisSteps(context, now, take);
  databaseSteps(context, now, take);
  if (!isTimeless(context)) tickSteps(context, now, take);
};

const serverNames = ['X', 'Y'];

const redisSteps = (context: Context, now: World, take: Take<World>): void => {
  const fault = (kind: Fault, who: string, what: string, change: (next: World) => void): void => {
    if (!can(context, now, kind)) return;
    take(who, what, (next) => {
      spend(context, next, kind);
      change(next);
    });
  };
  for (const [index, server] of now.servers.entries()) {
    // Before the fail-over Y only repeats X.
    if (index === 1 && now.environment.promoted === 0) continue;
    const who = serverNames[index] ?? '';
    const empty = (next: World): void => setKey(at(next.servers, index), Key.absent);
    if (server.key === Key.lease || server.key === Key.value) take(who, 'its time is over', empty);
    if (server.key === Key.fence) {
      const { at: where } = at(now.writers, server.argument);
      if (where === Writing.fencedFirst || where === Writing.fenced)
        fault('fence lost', who, 'LOSES a fence', empty);
      else take(who, 'the time of a fence is over', empty);
    }
  }
  const [x, y] = [at(now.servers, 0), at(now.servers, 1)];
  if (now.environment.promoted === 0) {
    if (can(context, now, 'fail-over') && !isSame(x, y))
      take('Y', 'catches up', (next) => copy(at(next.servers, 0), at(next.servers, 1)));
    fault('fail-over', 'Y', 'IS THE MASTER NOW', (next) => {
      next.environment.promoted = 1;
    });
  }
  if (can(context, now, 'Redis goes back') && !isSame(x, now.backup))
    take('X', 'is copied', (next) => copy(at(next.servers, 0), next.backup));
  fault('Redis goes back', 'X', 'GOES BACK to its copy', (next) => copy(next.backup, at(next.servers, 0)));
  if (now.environment.readOnly === 1) {
    take('Redis', 'takes writes again', (next) => {
      next.environment.readOnly = 0;
    });
  } else {
    fault('read-only Redis', 'Redis', 'REFUSES WRITES', (next) => {
      next.environment.readOnly = 1;
    });
  }
};

const isSame = (one: Server, other: Server): boolean =>
  one.key === other.key && one.argument === other.argument && one.epoch === other.epoch;

const copy = (from: Server, to: Server): void => setKey(to, from.key, from.argument, from.epoch);

const databaseSteps = (context: Context, now: World, take: Take<World>): void => {
  const usesNotes = context.serving.some((i) => at(now.instances, i).running === 0) || anyStart(context, now);
  if (usesNotes && now.database.note !== now.database.committed) {
    take('somebody', 'notes a snapshot', (next) => {
      next.database.note = next.database.committed;
    });
  }
  if (can(context, now, 'sweep') && now.database.swept !== now.database.note) {
    take('somebody', 'SWEEPS the log up to the note', (next) => {
      spend(context, next, 'sweep');
      next.database.swept = next.database.note;
      next.database.log &= ~next.database.swept;
    });
  }
  if (can(context, now, 'database crashes')) {
    take('the database', 'CRASHES and is back', (next) => {
      spend(context, next, 'database crashes');
      newIdentity(context, next);
    });
  }
  if (can(context, now, 'database goes back') && now.database.last !== 0) {
    take('the database', 'GOES BACK by one commit', (next) => {
      spend(context, next, 'database goes back');
      newIdentity(context, next);
      loseLast(next);
    });
  }
};

const anyStart = (context: Context, now: World): boolean =>
  (['starts', 'killed', 'ends', 'sweep'] as const).some((fault) => can(context, now, fault));

/** What runs is rolled back, checks under way get no answer, and what is unlogged is gone: the list and the notes. */
const newIdentity = (context: Context, { database, writers, instances }: World): void => {
  database.epoch++;
  database.note = database.committed;
  for (const [w, writer] of writers.entries()) {
    if (database.lock === w + 1 || writer.at === Writing.inFlight) finish(writer);
  }
  database.lock = 0;
  for (const me of instances) {
    me.beat = beatCap(context);
    me.check = Checking.no;
    me.checkSeen = me.checkRows = me.checkEpoch = me.checkAge = me.checkWall = me.inRow = 0;
  }
};

const loseLast = ({ database, history, readers, writers, environment }: World): void => {
  const bit = 1 << (database.last - 1);
  for (const [w, writer] of writers.entries()) if (1 << w === bit) finish(writer);
  database.committed &= ~bit;
  database.log &= ~bit;
  database.note &= ~bit;
  database.swept &= ~bit;
  database.last = 0;
  database.lost |= bit;
  database.sinceLoss = 0;
  environment.acknowledged &= ~bit;
  for (const past of history) past.committed &= ~bit;
  for (const reader of readers) {
    reader.floor &= ~bit;
    reader.strict = 0;
  }
};

const tickSteps = (context: Context, now: World, take: Take<World>): void => {
  take('---', 'tick', (next) => tick(context, next, -1));
  if (can(context, now, 'suspended')) {
    take('---', `tick, ${nameOf(faulty)} is SUSPENDED`, (next) => {
      spend(context, next, 'suspended');
      tick(context, next, faulty);
    });
  }
  for (const [kind, what] of clockSteps) {
    if (!can(context, now, kind)) continue;
    for (const i of now.instances.keys()) {
      take(nameOf(i), what, (next) => {
        spend(context, next, kind);
        stepClock(context, next, i, kind === 'clock forward');
      });
    }
  }
};

const clockSteps = [
  ['clock forward', 'its wall clock steps FORWARD'],
  ['clock back', 'its wall clock steps BACK'],
] as const;

/** Time passes for everybody; one process may be suspended, which its monotonic clock does not see. */
const tick = (context: Context, next: World, suspended: number): void => {
  const { promised, j, oldest } = context;
  const up = (value: number, cap: number): number => Math.min(value + 1, cap);
  const { database } = next;
  if (promised === 'F0') {
    for (let k = next.history.length - 1; k > 0; k--)
      at(next.history, k).committed = at(next.history, k - 1).committed;
    at(next.history, 0).committed = database.committed;
  }
  if (database.lost !== 0) database.sinceLoss = up(database.sinceLoss, context.allowed + 1);
  for (const i of context.serving) {
    const me = at(next.instances, i);
    if (me.running === 1) {
      if (i !== suspended) me.age = up(me.age, oldest);
      me.wall = up(me.wall, oldest);
      if (me.check !== Checking.no) {
        if (i !== suspended) me.checkAge = up(me.checkAge, oldest);
        me.checkWall = up(me.checkWall, oldest);
      }
      if (me.serving === 1) me.serveAge = up(me.serveAge, oldest);
      if (me.newFor > 0) me.newFor = up(me.newFor, j + 2);
    }
  }
  if (promised !== 'F2') return;
  for (const [i, me] of next.instances.entries()) {
    if (!context.serving.includes(i) && context.rules.list === 'of the last check')
      me.age = up(me.age, j + 1);
    me.beat = up(me.beat, beatCap(context));
    me.known = up(me.known, beatCap(context));
  }
  for (const writer of next.writers) {
    if (!waits(context, writer.at)) continue;
    writer.waited = up(writer.waited, j + 1);
    writer.waitedWall = up(writer.waitedWall, j + 1);
  }
};

/** The bound runs from the answer of COMMIT on. */
const waits = ({ rules }: Context, where: number): boolean =>
  (where >= Writing.releasing && where <= Writing.waiting) ||
  (rules.boundFrom === 'sending of COMMIT' && where === Writing.fenced);

const stepClock = (context: Context, next: World, i: number, forward: boolean): void => {
  const { oldest, j } = context;
  const me = at(next.instances, i);
  if (context.serving.includes(i) && me.running === 1) {
    me.wall = forward ? oldest : 0;
    if (me.check !== Checking.no) me.checkWall = forward ? oldest : 0;
  }
  for (const [w, writer] of next.writers.entries()) {
    if (context.writerHomes[w] !== i || !waits(context, writer.at)) continue;
    writer.waitedWall = forward ? j + 1 : 0;
  }
};
