/**
 * Walks through the log model by chance, told in the words of a trace: whatever the model does, the validator has to
 * accept, and what a variant of the model does it has to refuse somewhere.
 *
 * A set of transactions becomes a `pg_snapshot`: the id of writer w is w + 3. Fail-overs are left out: the replica
 * of the model may catch up at any moment. The model has no bus, so whatever may be in memory may be served.
 */
import type { Take } from '../checker.ts';
import { logModel } from '../log/model.ts';
import { holds, includes, serverOf } from '../log/rules.ts';
import type { Settings } from '../log/settings.ts';
import {
  type Context,
  contextOf,
  type Instance,
  Key,
  Reading,
  type Server,
  type World,
  Writing,
} from '../log/world.ts';
import { at, type Bytes } from '../record.ts';
import type { Held, Proof, Said, Snapshot, Step } from './steps.ts';

const tickMs = 1_000;
const key = 'users u';
const ofRecord = { key, row: key } as const;
const firstXid = 3;

const xidOf = (w: number): number => firstXid + w;

const membersOf = (set: number): readonly number[] =>
  Array.from({ length: 8 }, (_, w) => w).filter((w) => (set & (1 << w)) !== 0);

const snapshotOf = (set: number): Snapshot => {
  const members = membersOf(set);
  const last = members.at(-1);
  if (last === undefined) return { xmin: firstXid, xmax: firstXid, inProgress: [] };
  const inProgress = membersOf(~set & ((1 << last) - 1)).map(xidOf);
  return { xmin: inProgress[0] ?? xidOf(last) + 1, xmax: xidOf(last) + 1, inProgress };
};

const proofOf = (set: number, epoch: number): Proof => ({ epoch: `${epoch}`, snapshot: snapshotOf(set) });

/** A version is the set of changes that it holds, in an epoch. */
const stampOf = (set: number, epoch: number): string => `${epoch}:${membersOf(set).join('')}`;
const stampOfChange = (w: number): string => `change ${w}`;

const shown = ({ key: state, argument, epoch }: Server): Held => {
  if (state === Key.fence) return { state: 'fence', token: `w${argument}` };
  if (state === Key.lease) return { state: 'lease', token: `r${argument}` };
  return state === Key.value ? { state: 'value', proof: proofOf(argument, epoch) } : { state: 'absent' };
};

/** `random`: from 0 to 1, without 1. */
export const walk = (settings: Settings, steps: number, random: () => number): readonly Step[] => {
  const model = logModel(settings);
  const telling = new Telling(contextOf(settings));
  const fresh = (): Bytes => new Uint8Array(model.size);
  let bytes = fresh();
  model.begin((change) => change(model.view(bytes)));
  telling.begin(model.view(bytes));
  for (let n = 0; n < steps; n++) {
    let offered = 0;
    let chosen: { readonly who: string; readonly what: string; readonly bytes: Bytes } | undefined;
    // Each of those that are offered with the same chance (reservoir sampling).
    const take: Take<World> = (who, what, change) => {
      if (random() * ++offered >= 1) return;
      const next = fresh();
      next.set(bytes);
      change(model.view(next));
      chosen = { who, what, bytes: next };
    };
    model.steps(model.view(bytes), take);
    if (chosen === undefined) break;
    telling.tell(chosen.who, chosen.what, model.view(bytes), model.view(chosen.bytes));
    bytes = chosen.bytes;
  }
  return telling.trace;
};

class Telling {
  readonly trace: Step[] = [];
  readonly #context: Context;
  #atMs = 0;
  /** What each reader asked for last: its read, and its command. */
  readonly #reads = new Map<number, number>();
  #numbers = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  #say(...said: readonly Said[]): void {
    for (const each of said) this.trace.push({ ...each, atMs: this.#atMs });
  }

  /** As the model begins: everybody has checked twice, and Redis has the first version. */
  begin(first: World): void {
    for (const [instance, { running, epoch, seen }] of first.instances.entries()) {
      if (running === 0) continue;
      this.#starts(instance, seen, epoch);
      const check: readonly Said[] = [
        { word: 'asks the log', instance, applied: snapshotOf(seen) },
        { word: 'log is read', instance, snapshot: snapshotOf(seen) },
        { word: 'check ends', instance, outcome: 'answered' },
      ];
      this.#say(...check, ...check);
    }
    const absent: Held = { state: 'absent' };
    const lease: Held = { state: 'lease', token: 'before' };
    for (const [server, there] of first.servers.entries()) {
      const command = { word: 'redis', server, instance: 0, ...ofRecord, token: 'before' } as const;
      this.#say(
        { ...command, command: 'lease', before: absent, after: lease },
        { ...command, command: 'fill', before: lease, after: shown(there) },
        { word: 'is copied', server },
      );
    }
  }

  tell(who: string, what: string, before: World, after: World): void {
    const [name = '', home = ''] = who.split(' at ');
    if (/^w\d/.test(name)) this.#tellWriter(Number(name.slice(1)), home, what, before, after);
    else if (/^r\d/.test(name)) this.#tellReader(Number(name.slice(1)), what, before, after);
    else if (/^[ABC]$/.test(name)) this.#tellInstance('ABC'.indexOf(name), what, before, after);
    else this.#tellEnvironment(what, before, after);
  }

  #starts(instance: number, seen: number, epoch: number): void {
    const { j, rules } = this.#context;
    this.#say(
      {
        word: 'starts',
        instance,
        hasRedis: true,
        boundMs: j * tickMs,
        silentBoundMs: rules.serveTicks * tickMs,
        maxStalenessMs: Number.POSITIVE_INFINITY,
      },
      { word: 'begins to hear', instance, epoch: `${epoch}`, snapshot: snapshotOf(seen) },
    );
  }

  #tellWriter(w: number, home: string, what: string, before: World, after: World): void {
    const isRaw = home === 'psql';
    const instance = at(this.#context.writerHomes, w);
    const token = `w${w}`;
    if (what === 'locks the row') this.#say({ word: 'locks', transaction: w, instance, row: key });
    else if (what.startsWith('FENCE')) {
      this.#say({ word: 'sends fence', instance, ...ofRecord, token });
      if (!/lost$|refused$/.test(what) || what.includes('done'))
        this.#command('fence', instance, token, before, after);
    } else if (what === 'COMMIT' || what.startsWith('the late COMMIT'))
      this.#say({
        word: 'commits',
        transaction: w,
        instance: isRaw ? undefined : instance,
        xid: xidOf(w),
        rows: [key],
        stamps: [stampOfChange(w)],
      });
    else if (what === 'rolls back' || what.startsWith('the database rolls'))
      this.#say({ word: 'rolls back', transaction: w });
    else if (what.startsWith('RELEASE')) {
      this.#say({ word: 'sends release', instance, ...ofRecord, token });
      if (!what.endsWith('lost') && after.environment.readOnly === 0)
        this.#command('release', instance, token, before, after);
    } else if (what.includes('ACKNOWLEDGES')) {
      const isSecurity = this.#context.promised === 'F2';
      this.#say({ word: 'acknowledges', instance, stamp: stampOfChange(w), isSecurity });
    }
  }

  #command(
    command: 'lease' | 'replace' | 'fill' | 'fence' | 'release',
    instance: number,
    token: string,
    before: World,
    after: World,
  ): void {
    const server = at(before.instances, instance).server;
    const there = serverOf(before, instance);
    const held = { before: shown(there), after: shown(serverOf(after, instance)) };
    this.#say({ word: 'redis', server, instance, command, ...ofRecord, token, ...held });
    const isOwnFence = holds(there, Key.fence, Number(token.slice(1)));
    if (command === 'fence' || (command === 'release' && !isOwnFence))
      this.#say({ word: 'publishes', server, key });
  }

  #tellReader(r: number, what: string, before: World, after: World): void {
    const instance = at(this.#context.readerHomes, r);
    const [was, is] = [at(before.readers, r), at(after.readers, r)];
    const { memory, memoryEpoch } = at(before.instances, instance);
    const begin = (): void => {
      this.#reads.set(r, ++this.#numbers);
      this.#say({ word: 'reads begin', instance, number: this.#numbers, key });
    };
    const end = (set: number, epoch: number, source: 'memory' | 'redis' | 'stored' | 'miss'): void => {
      const number = this.#reads.get(r) ?? 0;
      this.#say({ word: 'reads end', instance, number, stamp: stampOf(set, epoch), source });
    };
    if (what === 'reads from memory') {
      begin();
      end(memory, memoryEpoch, 'memory');
    } else if (what === 'starts, the gate is closed') begin();
    else if (what.startsWith('joins')) {
      const other = at(before.readers, Number(what.slice(what.indexOf(' r') + 2)));
      begin();
      end(other.value, other.epoch, 'stored');
    } else if (what === 'starts and asks Redis' || what === 'looks again') {
      if (what !== 'looks again') begin();
      const number = ++this.#numbers;
      this.#say({ word: 'asks Redis', instance, number, ...ofRecord });
      const { key: state, argument, epoch } = serverOf(before, instance);
      if (state !== Key.value || is.at === Reading.replacing) return;
      const hit = { proof: proofOf(argument, epoch), stamp: stampOf(argument, epoch) };
      this.#say({ word: 'hits', instance, number, ...ofRecord, ...hit });
      end(argument, epoch, 'redis');
    } else if (what === 'LEASE') {
      const there = serverOf(before, instance);
      const took = serverOf(after, instance);
      if (!holds(took, Key.lease, r) || holds(there, Key.lease, r)) return;
      const command = there.key === Key.absent ? 'lease' : 'replace';
      this.#command(command, instance, `r${r}`, before, after);
    } else if (what.startsWith('SELECT')) {
      const { committed: set, epoch } = before.database;
      const number = ++this.#numbers;
      const row = { proof: proofOf(set, epoch), stamp: stampOf(set, epoch) };
      this.#say(
        { word: 'selects', instance, number, ...ofRecord },
        { word: 'is answered', instance, number, ...row },
      );
      end(set, epoch, what === 'SELECT' ? 'stored' : 'miss');
    } else if (what === 'FILL') {
      const there = serverOf(before, instance);
      const filled = serverOf(after, instance);
      const isDone =
        there.key !== filled.key || there.argument !== filled.argument || there.epoch !== filled.epoch;
      // A value that is filled over the same value is no step that could be told from none.
      if (isDone && was.at !== is.at) this.#command('fill', instance, `r${r}`, before, after);
    }
  }

  #tellInstance(instance: number, what: string, before: World, after: World): void {
    const [was, is] = [at(before.instances, instance), at(after.instances, instance)];
    if (what === 'STARTS') this.#starts(instance, is.floor | is.seen, is.epoch);
    else if (what === 'a check reads the log')
      this.#say(
        { word: 'asks the log', instance, applied: snapshotOf(was.seen) },
        { word: 'log is read', instance, snapshot: snapshotOf(is.checkSeen) },
      );
    else if (what === 'the check is answered') this.#checked(instance, was, is, before.database.swept);
    else if (what.startsWith('a check is answered by an error'))
      this.#say({ word: 'check ends', instance, outcome: 'refused' });
    else if (what === 'nobody answers it') this.#say({ word: 'check ends', instance, outcome: 'silent' });
    else if (what === 'is KILLED' || what.startsWith('ENDS')) this.#say({ word: 'ends', instance });
  }

  #checked(instance: number, was: Instance, is: Instance, swept: number): void {
    if (was.checkEpoch !== was.epoch || !includes(was.seen, swept)) {
      this.#say(
        { word: 'forgets what it heard', instance },
        { word: 'begins to hear', instance, epoch: `${is.epoch}`, snapshot: snapshotOf(is.seen) },
        { word: 'check ends', instance, outcome: 'anew' },
      );
      return;
    }
    const xids = was.checkEpoch === was.epoch ? membersOf(was.checkRows).map(xidOf) : [];
    const rows = new Map(xids.length === 0 ? [] : [[key, xids]]);
    this.#say(
      { word: 'applies', instance, snapshot: snapshotOf(is.seen), rows },
      { word: 'check ends', instance, outcome: 'answered' },
    );
  }

  #tellEnvironment(what: string, before: World, after: World): void {
    if (what.includes('tick')) this.#atMs += tickMs;
    else if (/its time is over|time of a fence is over|LOSES a fence/.test(what)) {
      const server = before.servers.findIndex(
        ({ key: state }, n) => state !== Key.absent && at(after.servers, n).key === Key.absent,
      );
      this.#say({ word: 'loses', server, key });
    } else if (what === 'is copied') this.#say({ word: 'is copied', server: 0 });
    else if (what === 'GOES BACK to its copy') this.#say({ word: 'goes back', server: 0 });
    else if (what.startsWith('CRASHES') || what.startsWith('GOES BACK by')) {
      for (const [w, { at: where }] of before.writers.entries()) {
        const isLost = where === Writing.inFlight || before.database.lock === w + 1;
        const wasLast = what.startsWith('GOES BACK') && before.database.last === w + 1;
        if (isLost || wasLast) this.#say({ word: 'rolls back', transaction: w });
      }
    }
  }
}
