/** BELIEVE, the gate, and what a read may return: everything that more than one kind of step asks. */
import { at } from '../record.ts';
import type { Fault } from './settings.ts';
import { type Context, type Instance, Key, type Server, type World } from './world.ts';

/** Every member of the second is in the first. */
export const includes = (set: number, part: number): boolean => (part & ~set) === 0;

export const can = (context: Context, now: World, fault: Fault): boolean => {
  const index = context.faultNames.indexOf(fault);
  return index >= 0 && at(now.budgets, index).left > 0;
};

export const spend = (context: Context, next: World, fault: Fault): void => {
  at(next.budgets, context.faultNames.indexOf(fault)).left--;
};

/** Fences alone: without gate, belief and receipts nothing depends on an age. */
export const isTimeless = ({ promised, rules }: Context): boolean =>
  promised === 'F1' && rules.gate === 'none' && rules.belief === 'none';

/** CLOCKS: what closes something goes by the clock that says more. */
export const ageOf = ({ rules }: Context, { age, wall }: { age: number; wall: number }): number =>
  rules.ages === 'larger' ? Math.max(age, wall) : age;

export const isOpen = (context: Context, instance: Instance): boolean => {
  const { rules, j } = context;
  if (instance.running === 0) return false;
  if (rules.gate === 'none') return true;
  if (rules.newcomer.startsWith('after J') && instance.newFor > 0) return false;
  if (instance.opened === 0) return false;
  const age = ageOf(context, instance);
  return age <= j || (instance.serving === 1 && serveAge(context, instance) <= rules.serveTicks);
};

const serveAge = (context: Context, instance: Instance): number =>
  context.rules.serveCountsFrom === 'last answered check' ? ageOf(context, instance) : instance.serveAge;

/** BELIEVE: the identity is the present one, and the snapshot has seen all of FLOOR and all that was heard of the key. */
export const believes = (context: Context, instance: Instance, value: number, epoch: number): boolean => {
  const { rules } = context;
  if (rules.belief === 'none') return true;
  if (rules.identityOfValues && epoch !== instance.epoch) return false;
  if (rules.belief === 'version')
    return versionOf(context, value) >= versionOf(context, instance.seen | instance.heard);
  // Ids are given out again after a change of identity: a snapshot of before seems to have seen them all.
  const claimed = epoch === instance.epoch ? value : 0xff;
  return includes(claimed, instance.floor) && includes(claimed, instance.heard);
};

/** What the column `version` says in a snapshot, beginning with 10. */
const versionOf = ({ versions }: Context, snapshot: number): number => {
  const step = { raised: 1, kept: 0, lowered: -1 }[versions];
  let version = 10;
  for (let set = snapshot; set !== 0; set &= set - 1) version += step;
  return version;
};

/** The server that the commands of an instance go to. */
export const serverOf = (world: World, instance: number): Server =>
  at(world.servers, at(world.instances, instance).server);

export const setKey = (server: Server, key: number, argument = 0, epoch = 0): void => {
  server.key = key;
  server.argument = argument;
  server.epoch = epoch;
};

export const holds = (server: Server, key: number, argument: number): boolean =>
  server.key === key && server.argument === argument;

export const isValue = (server: Server, value: number, epoch: number): boolean =>
  holds(server, Key.value, value) && server.epoch === epoch;

export const dropMemory = (instance: Instance): void => {
  instance.remembers = instance.memory = instance.memoryEpoch = 0;
};

/** What a read that starts now has to have seen. */
const required = (context: Context, now: World, home: number): number => {
  if (context.promised !== 'F0') return now.environment.acknowledged;
  const { rules, allowed } = context;
  const excused = rules.serveIsExcused && at(now.instances, home).unanswered === 1;
  return at(now.history, excused ? Math.max(allowed, rules.serveTicks) : allowed).committed;
};

/** Notes, when a read starts, what it has to return. */
export const beginRead = (context: Context, next: World, r: number): void => {
  const reader = at(next.readers, r);
  reader.floor = required(context, next, at(context.readerHomes, r));
  reader.strict = next.database.sinceLoss > context.allowed ? 1 : 0;
};

/** The read returns what that snapshot saw. This is where every promise is judged. */
export const answer = (context: Context, next: World, r: number, value: number): void => {
  const reader = at(next.readers, r);
  const foreign = reader.strict === 1 && (value & next.database.lost) !== 0;
  if (!includes(value, reader.floor) || foreign) next.environment.wrong = r + 1;
  // F1: nobody reads new and a later one old.
  if (context.promised === 'F1') next.environment.acknowledged |= value;
  reader.floor = reader.strict = 0;
};
