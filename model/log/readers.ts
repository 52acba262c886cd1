/**
 * READ: memory, Redis, or the row. A reader begins anew when it has returned.
 *
 * Sending a command, its execution and the arrival of its answer are one step, and a value is returned in the step that
 * reads it. That is the worst case: what a process knows only grows, so a later answer is believed less often, and what
 * a read has to have seen is settled when it starts. What is done with a value afterwards is a step of its own.
 */
import type { Take } from '../checker.ts';
import { at } from '../record.ts';
import {
  answer,
  beginRead,
  believes,
  dropMemory,
  holds,
  isOpen,
  isValue,
  serverOf,
  setKey,
} from './rules.ts';
import { type Context, clearReader, Key, type Reader, Reading, type World } from './world.ts';

export const readerSteps = (context: Context, now: World, r: number, take: Take<World>): void => {
  const home = at(context.readerHomes, r);
  const { rules } = context;
  const instance = at(now.instances, home);
  if (instance.running === 0) return;
  const reader = at(now.readers, r);
  const who = at(context.readerNames, r);
  const step = (what: string, change: (next: World, me: Reader) => void): void =>
    take(who, what, (next) => change(next, at(next.readers, r)));
  const server = serverOf(now, home);

  switch (reader.at) {
    case Reading.idle:
      if (instance.remembers === 1 && (isOpen(context, instance) || !rules.gateCoversMemory)) {
        step('reads from memory', (next) => {
          beginRead(context, next, r);
          answer(context, next, r, instance.memory);
        });
      } else if (!isOpen(context, instance)) {
        step('starts, the gate is closed', (next, me) => {
          beginRead(context, next, r);
          me.at = Reading.bypassing;
        });
      } else {
        step('starts and asks Redis', (next) => {
          beginRead(context, next, r);
          look(context, next, r, true);
        });
      }
      if (rules.joinsAnyFlight) joinSteps(context, now, r, take);
      break;
    case Reading.leasing:
    case Reading.replacing:
      step('LEASE', (next, me) => {
        const there = serverOf(next, home);
        const free =
          there.key === Key.absent || (me.at === Reading.replacing && isValue(there, me.value, me.epoch));
        me.value = me.epoch = 0;
        if (rules.fill !== 'lease' || rules.fence === 'none') me.at = Reading.selecting;
        else if (free && next.environment.readOnly === 0) {
          setKey(there, Key.lease, r);
          me.at = Reading.selecting;
        } else me.at = Reading.bypassing;
      });
      break;
    case Reading.selecting:
      step('SELECT', (next, me) => {
        select(context, next, r);
        me.at = Reading.filling;
      });
      break;
    case Reading.filling:
      step('FILL', (next, me) => {
        if (next.environment.readOnly === 0) fill(context, next, r);
        remember(context, me);
      });
      break;
    case Reading.bypassing:
      step('SELECT, for nobody else', (next, me) => {
        select(context, next, r);
        remember(context, me);
      });
      break;
    case Reading.pausing:
      step('waits no longer', (_next, me) => {
        me.at = Reading.bypassing;
      });
      if (
        (server.key === Key.value || server.key === Key.absent) &&
        (rules.pause === 'skips the gate' || isOpen(context, instance))
      ) {
        step('looks again', (next) => look(context, next, r, rules.pause !== 'skips belief'));
      }
      break;
    case Reading.remembering:
      step('puts it into memory, if it is believed', (next, me) => {
        const mine = at(next.instances, home);
        if (!rules.believesBeforeMemory || believes(context, mine, me.value, me.epoch)) {
          dropMemory(mine);
          mine.remembers = 1;
          mine.memory = me.value;
          mine.memoryEpoch = me.epoch;
        }
        clearReader(me);
      });
      break;
  }
};

/** Takes what Redis has. */
const look = (context: Context, next: World, r: number, checks: boolean): void => {
  const home = at(context.readerHomes, r);
  const me = at(next.readers, r);
  const { key, argument, epoch } = serverOf(next, home);
  if (key === Key.absent) me.at = Reading.leasing;
  else if (key !== Key.value) me.at = Reading.pausing;
  else {
    me.value = argument;
    me.epoch = epoch;
    if (checks && !believes(context, at(next.instances, home), argument, epoch)) me.at = Reading.replacing;
    else {
      answer(context, next, r, argument);
      remember(context, me);
    }
  }
};

const select = (context: Context, next: World, r: number): void => {
  const me = at(next.readers, r);
  me.value = next.database.committed;
  me.epoch = next.database.epoch;
  answer(context, next, r, me.value);
};

const fill = ({ rules, readerHomes }: Context, next: World, r: number): void => {
  const { value, epoch } = at(next.readers, r);
  const server = serverOf(next, at(readerHomes, r));
  const may =
    rules.fence === 'none' || rules.fill === 'blind'
      ? true
      : rules.fill === 'absent'
        ? server.key === Key.absent
        : holds(server, Key.lease, r);
  if (may) setKey(server, Key.value, value, epoch);
};

const remember = ({ memory }: Context, me: Reader): void => {
  if (memory) me.at = Reading.remembering;
  else clearReader(me);
};

/** The variant in which a reader takes what another one has read before it started. */
const joinSteps = (context: Context, now: World, r: number, take: Take<World>): void => {
  const home = at(context.readerHomes, r);
  for (const [q, other] of now.readers.entries()) {
    if (q === r || context.readerHomes[q] !== home || other.at !== Reading.filling) continue;
    take(at(context.readerNames, r), `joins the flight of r${q}`, (next) => {
      beginRead(context, next, r);
      answer(context, next, r, other.value);
    });
  }
};
