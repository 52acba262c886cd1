import fc from 'fast-check';
import { DatabaseUnavailable, OutcomeUnknown, Overloaded } from '../../domain/faults.ts';
import { type Refusal, validate } from '../../model/trace/validator.ts';
import { account, userId } from '../support/fixtures.ts';
import { type Fault, type FaultKind, faultKinds } from './faults.ts';
import { boundMs, maxStalenessMs } from './history.ts';
import { Instance, type Variant } from './instance.ts';
import { SimulatedRedis } from './redis.ts';
import { tickMs, World } from './world.ts';

/** What happens in one run besides the fault: who reads and writes, on which of two instances, how often. */
export type Plan = {
  readonly fault: Fault;
  /** Each actor does its actions one after the other. */
  readonly actors: readonly { readonly instance: number; readonly actions: readonly Action[] }[];
};
/** A pause outlives the bound of the memory, a long one that of the log. */
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

export type Outcome = {
  /** The broken promises, in words. */
  readonly violations: readonly string[];
  /** The first step that the model cannot do. */
  readonly refusal: Refusal | undefined;
};

/** Runs a plan under a schedule, and judges both what was read and each step on the way. */
export const run = async (scheduler: fc.Scheduler, plan: Plan, variant: Variant = {}): Promise<Outcome> => {
  const world = new World(scheduler, plan.fault);
  const redis = new SimulatedRedis(0, world, variant.redis ?? {});
  const other = new SimulatedRedis(1, world, variant.redis ?? {});
  const redisOf = (number: number): SimulatedRedis | undefined => {
    if (world.faults.has('no-redis', number)) return undefined;
    return world.faults.has('other-redis', number) ? other : redis;
  };
  const id = userId(1);
  world.history.commit(firstName, 0, false);
  await world.database.transactions.run(async ({ users }) => {
    await users.insert(account(1, { name: firstName }));
  });
  world.history.landmark('visible', firstName, 0, 0);
  world.firstIdentity = (await world.database.log.begin({ boundMs, retentionMs: 0 })).identity;
  const instances = [0, 1].map((number) => new Instance(number, world, redisOf(number), variant));
  const starting = Promise.all(instances.map(({ logReader }) => logReader.start()));

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
      await instance.clock.awake();
      if (action === 'pause') await instance.clock.sleep(maxStalenessMs + tickMs);
      else if (action === 'long pause') await instance.clock.sleep(boundMs + 4 * tickMs);
      else if (action === 'read') await instance.read(id);
      else {
        try {
          if (action === 'page') await instance.readPage(id);
          else if (action === 'add') await instance.addContact(id);
          else if (action === 'raw') await instance.rawSql(id);
          else await instance.write(id, action === 'security' ? 'security' : 'ordinary');
        } catch (error) {
          const isKnown = [OutcomeUnknown, DatabaseUnavailable, Overloaded].some(
            (fault) => error instanceof fault,
          );
          if (!isKnown) throw error;
        }
      }
    }
  };
  // A crashed writer never ends; everything else ends within the bounds.
  const acting = Promise.all(
    plan.actors.map(({ instance, actions }) => act(instances[instance] ?? fail(), actions)),
  );
  const deadline = world.clock.sleep(3 * (boundMs + maxStalenessMs) + 5 * (boundMs + 4 * tickMs));
  await scheduler.waitFor(Promise.race([acting, deadline]));

  // Quiescence (F3): faults heal, fences reach their time limit, and J passes.
  world.healEverything();
  for (const end of world.endFences) end();
  await scheduler.waitFor(Promise.race([Promise.all(world.late), world.clock.sleep(2 * boundMs)]));
  await scheduler.waitFor(world.clock.sleep(boundMs + tickMs));
  const row = await world.database.users.find({ kind: 'id', value: id });
  const page = await world.database.contacts.page(id, { skip: 0, limit: 1 });
  const left: string[] = [];
  for (const instance of instances) {
    await scheduler.waitFor(instance.clock.awake());
    if (instance.isWithoutDatabase) continue;
    const name = await scheduler.waitFor(instance.read(id));
    if (name !== row?.name) left.push(`after quiescence ${instance.number} serves ${name}, not ${row?.name}`);
    const newest = await scheduler.waitFor(instance.readPage(id));
    if (newest !== (page.items[0]?.id ?? 'nobody'))
      left.push(`after quiescence ${instance.number} serves page ${newest}`);
  }
  isOver = true;
  await scheduler.waitFor(clock);
  return {
    violations: [...world.history.violations, ...world.listHistory.violations, ...left],
    refusal: validate(world.trace),
  };
};

const firstName = 'first';

const fail = (): never => {
  throw new Error('a plan names two instances');
};
