/** The second design as a model: one key, the log, two Redis servers, up to three instances, writers, readers, faults. */
import type { Model } from '../checker.ts';
import { at } from '../record.ts';
import { environmentSteps } from './environment.ts';
import { beatCap, faulty, instanceSteps } from './instances.ts';
import { readerSteps } from './readers.ts';
import { isOpen, setKey } from './rules.ts';
import type { Settings } from './settings.ts';
import { type Context, contextOf, Key, nameOf, type Server, type World } from './world.ts';
import { writerSteps } from './writers.ts';

export const logModel = (settings: Settings): Model<World> => {
  const context = contextOf(settings);
  return {
    size: context.size,
    view: context.view,
    begin: (add) => add((first) => begin(context, first)),
    steps(now, take) {
      for (const w of now.writers.keys()) writerSteps(context, now, w, take);
      for (const r of now.readers.keys()) readerSteps(context, now, r, take);
      for (const i of now.instances.keys()) instanceSteps(context, now, i, take);
      environmentSteps(context, now, take);
    },
    wrong: ({ environment: { wrong } }) =>
      wrong === 0 ? undefined : `${at(context.readerNames, wrong - 1)} returned what it may not`,
    show: (now) => show(context, now),
  };
};

/** Redis has the first version, every process has checked twice, memory is empty. */
const begin = (context: Context, first: World): void => {
  for (const server of [...first.servers, first.backup]) setKey(server, Key.value, 0, 1);
  first.database.epoch = 1;
  first.database.sinceLoss = 0;
  for (const [i, instance] of first.instances.entries()) {
    instance.known = beatCap(context);
    if (i === faulty && context.faults.starts !== undefined) instance.beat = beatCap(context);
    else {
      instance.running = instance.opened = instance.epoch = 1;
      for (const seen of context.serving) instance.listed |= 1 << seen;
    }
  }
  for (const [index, name] of context.faultNames.entries())
    at(first.budgets, index).left = name === 'starts' ? 0 : (context.faults[name] ?? 0);
};

/** A set of transactions as the numbers of their writers. */
const showSet = (set: number): string => {
  const members = Array.from({ length: 8 }, (_, bit) => bit).filter((bit) => (set & (1 << bit)) !== 0);
  return `{${members.join('')}}`;
};

const showKey = ({ key, argument }: Server): string => {
  if (key === Key.fence) return `fence(w${argument})`;
  if (key === Key.lease) return `lease(r${argument})`;
  return key === Key.value ? showSet(argument) : '-';
};

const show = (context: Context, { database, servers, instances, readers, environment }: World): string => {
  const parts = [`db ${showSet(database.committed)}`, `X ${showKey(at(servers, 0))}`];
  if (context.faults['fail-over'] !== undefined) parts.push(`Y ${showKey(at(servers, 1))}`);
  for (const i of context.serving) {
    const { running, seen, heard, floor, remembers, memory, age, wall, check, checkSeen } = at(instances, i);
    if (running === 0) parts.push(`${nameOf(i)} is down`);
    else {
      const gate = isOpen(context, at(instances, i)) ? 'open' : 'closed';
      const checking = check === 0 ? '' : ` check ${showSet(checkSeen)}`;
      const memoryShown = remembers === 1 ? showSet(memory) : '-';
      parts.push(
        `${nameOf(i)} ${gate} age ${Math.max(age, wall)} seen ${showSet(seen)} heard ${showSet(heard)} floor ${showSet(floor)} memory ${memoryShown}${checking}`,
      );
    }
  }
  for (const [r, { at: where, value, floor }] of readers.entries())
    if (where !== 0) parts.push(`r${r} has ${showSet(value)} owes ${showSet(floor)}`);
  if (context.promised !== 'F0') parts.push(`acknowledged ${showSet(environment.acknowledged)}`);
  return parts.join('; ');
};
