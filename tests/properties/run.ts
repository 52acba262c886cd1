import fc from 'fast-check';
import { OutcomeUnknown } from '../../domain/faults.ts';
import { account, userId } from '../support/fixtures.ts';
import { Instance, type Variant } from './instance.ts';
import { SimulatedRedis } from './redis.ts';
import {
  type Fault,
  type FaultKind,
  faultKinds,
  journalBoundMs,
  listVersion,
  maxStalenessMs,
  tickMs,
  World,
} from './world.ts';

/** What happens in one run besides the fault: who reads and writes, on which of two instances, how often. */
export type Plan = {
  readonly fault: Fault;
  /** Each actor does its actions one after the other. */
  readonly actors: readonly { readonly instance: number; readonly actions: readonly Action[] }[];
};
/** A pause outlives the bound of the memory, a long one that of the journal. */
export type Action = 'read' | 'write' | 'security' | 'raw' | 'pause' | 'long pause' | 'page' | 'add';

export const faults = (kinds: readonly FaultKind[] = faultKinds): fc.Arbitrary<Fault> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    at: fc.integer({ min: 1, max: 6 }),
    instance: fc.integer({ min: 0, max: 1 }),
  });

export const plans = (
  actions: readonly Action[] = ['read', 'read', 'read', 'write', 'security', 'raw', 'pause', 'long pause'],
  fault: fc.Arbitrary<Fault> = faults(),
): fc.Arbitrary<Plan> =>
  fc.record({
    fault,
    actors: fc.array(
      fc.record({
        instance: fc.integer({ min: 0, max: 1 }),
        actions: fc.array(fc.constantFrom(...actions), { minLength: 1, maxLength: 5 }),
      }),
      { minLength: 3, maxLength: 5 },
    ),
  });

/** Runs a plan under a schedule; the broken promises, in words. */
export const run = async (
  scheduler: fc.Scheduler,
  plan: Plan,
  variant: Variant = {},
): Promise<readonly string[]> => {
  const world = new World(scheduler, plan.fault);
  const redis = new SimulatedRedis(world, variant.redis ?? {});
  const id = userId(1);
  await world.database.transactions.run(async ({ users, confirmFences }) => {
    await confirmFences();
    await users.insert(account(1));
  });
  world.history.landmark('raw', 1, 0, 0);
  const instances = [0, 1].map((number) => new Instance(number, world, redis, variant));
  const starting = Promise.all(instances.map(({ replayer }) => replayer.start()));

  let isOver = false;
  const clock = (async () => {
    while (!isOver) {
      await world.step('tick');
      world.clock.advance(tickMs);
    }
  })();
  const act = async (instance: Instance, actions: readonly Action[]): Promise<void> => {
    await starting;
    for (const action of actions) {
      if (action === 'pause') await world.clock.sleep(maxStalenessMs + tickMs);
      else if (action === 'long pause') await world.clock.sleep(journalBoundMs + 4 * tickMs);
      else if (action === 'read') await instance.read(id);
      else {
        try {
          if (action === 'page') await instance.readPage(id);
          else if (action === 'add') await instance.addContact(id);
          else if (action === 'raw') await instance.rawSql(id);
          else await instance.write(id, action === 'security' ? 'security' : 'ordinary');
        } catch (error) {
          if (!(error instanceof OutcomeUnknown)) throw error;
        }
      }
    }
  };
  // A crashed writer never ends; everything else ends within the bounds.
  const acting = Promise.all(
    plan.actors.map(({ instance, actions }) => act(instances[instance] ?? fail(), actions)),
  );
  const deadline = world.clock.sleep(
    3 * (journalBoundMs + maxStalenessMs) + 5 * (journalBoundMs + 4 * tickMs),
  );
  await scheduler.waitFor(Promise.race([acting, deadline]));

  // Quiescence: faults heal, fences reach their time limit, the journal is drained, bounds pass.
  world.healEverything();
  redis.expireFences();
  await scheduler.waitFor(world.clock.sleep(2 * (journalBoundMs + maxStalenessMs)));
  const row = await world.database.users.find({ kind: 'id', value: id });
  const contacts = (await world.database.contacts.page(id, { skip: 0, limit: 1 })).total;
  const left: string[] = [];
  for (const instance of instances) {
    const version = await scheduler.waitFor(instance.read(id));
    if (version !== row?.version)
      left.push(`after quiescence ${instance.number} serves v${version}, not v${row?.version}`);
    const page = await scheduler.waitFor(instance.readPage(id));
    if (page !== listVersion(contacts)) left.push(`after quiescence ${instance.number} serves page v${page}`);
  }
  isOver = true;
  await scheduler.waitFor(clock);
  return [...world.history.violations, ...world.listHistory.violations, ...left];
};

const fail = (): never => {
  throw new Error('a plan names two instances');
};
