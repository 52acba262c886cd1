import fc from 'fast-check';
import type { Freshness } from '../../application/read.ts';
import { DatabaseUnavailable, OutcomeUnknown, Overloaded } from '../../domain/faults.ts';
import { type Refusal, validate } from '../../model/trace/validator.ts';
import { account, userId } from '../support/fixtures.ts';
import { type Fate, type Fault, type FaultKind, faultKinds } from './faults.ts';
import { Instance, type Variant } from './instance.ts';
import { Place } from './places.ts';
import { SimulatedRedis } from './redis.ts';
import { usual } from './settings.ts';
import { tickMs, World } from './world.ts';

/** What happens in one run besides the fault: who reads and writes, on which of two instances, how often. */
export type Plan = {
  readonly fault: Fault;
  /** Each actor does its actions one after the other. */
  readonly actors: readonly { readonly instance: number; readonly actions: readonly Action[] }[];
};
/** A pause outlives the bound of the memory, a long one that of the log. */
export type Action = 'read' | ReadAs | 'write' | 'security' | 'raw' | 'pause' | 'long pause' | 'page' | 'add';
/** A read of no ordinary freshness. */
type ReadAs = Exclude<Freshness, 'bounded'>;

export const faults = (
  kinds: readonly FaultKind[] = faultKinds,
  setUp?: Fault['setUp'],
): fc.Arbitrary<Fault> =>
  fc.record({
    setUp: fc.constant(setUp),
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
  world.firstIdentity = (await world.database.log.begin({ boundMs: usual.boundMs, retentionMs: 0 })).identity;
  // As somebody does every minute: a process that comes later reads the log from here.
  await world.database.log.sweep(Number.MAX_SAFE_INTEGER);
  const boundMs = Math.max(...[0, 1].map((number) => world.settingsOf(number).boundMs));
  const places = (world.faults.has('alone') ? [0] : [0, 1]).map(
    (number) => new Place(number, world, () => new Instance(number, world, redisOf(number), variant)),
  );
  const { at } = plan.fault;
  world.onFate = (fate, number) => void succeed(world, fate, places[number] ?? fail());
  const starting = Promise.all(
    places.map(async (place, number) => {
      if (!world.faults.has('newcomer', number)) return place.start();
      place.vacate();
      void world.clock.sleep(at * 700).then(() => place.start());
    }),
  );

  let isEnding = false;
  let isOver = false;
  const clock = (async () => {
    while (!isOver) {
      await world.step('tick');
      world.clock.advance(tickMs);
    }
  })();
  const take = async (instance: Instance, action: Action): Promise<void> => {
    const { clock, settings } = instance;
    await clock.awake();
    if (action === 'pause') await clock.sleep(settings.maxStalenessMs + tickMs);
    else if (action === 'long pause') await clock.sleep(settings.boundMs + 4 * tickMs);
    else if (action === 'read') await instance.read(id);
    else if (action === 'cached') await instance.read(id, action);
    else {
      try {
        if (action === 'authoritative') await instance.read(id, action);
        else if (action === 'page') await instance.readPage(id);
        else if (action === 'add') await instance.addContact(id);
        else if (action === 'raw') await instance.rawSql(id);
        else await instance.write(id, action === 'security' ? 'security' : 'ordinary');
      } catch (error) {
        if (!passing.some((kind) => error instanceof kind)) throw error;
      }
    }
  };
  const act = async (place: Place, actions: readonly Action[]): Promise<void> => {
    await starting;
    for (const action of actions) {
      if (isEnding) return;
      const instance = await place.occupied();
      await Promise.race([take(instance, action), instance.clock.ended]);
    }
  };
  // A crashed writer never ends; everything else ends within the bounds.
  const acting = Promise.all(
    plan.actors.map(({ instance, actions }) => act(places[instance] ?? places[0] ?? fail(), actions)),
  );
  const deadline = world.clock.sleep(
    3 * (usual.boundMs + usual.maxStalenessMs) + 5 * (usual.boundMs + 4 * tickMs),
  );
  await scheduler.waitFor(Promise.race([acting, deadline]));

  isEnding = true;
  // Quiescence (F3): faults heal, fences reach their time limit, and J passes.
  world.healEverything();
  for (const end of world.endFences) end();
  await scheduler.waitFor(Promise.race([Promise.all(world.late), world.clock.sleep(2 * boundMs)]));
  await scheduler.waitFor(world.clock.sleep(boundMs + tickMs));
  const row = await world.database.users.find({ kind: 'id', value: id });
  const page = await world.database.contacts.page(id, { skip: 0, limit: 1 });
  const left: string[] = [];
  for (const { process: instance } of places) {
    if (instance === undefined) continue;
    const look = async (): Promise<void> => {
      await instance.clock.awake();
      if (instance.isWithoutDatabase) return;
      const name = await instance.read(id);
      if (name !== row?.name)
        left.push(`after quiescence ${instance.number} serves ${name}, not ${row?.name}`);
      const newest = await instance.readPage(id);
      if (newest !== (page.items[0]?.id ?? 'nobody'))
        left.push(`after quiescence ${instance.number} serves page ${newest}`);
    };
    await scheduler.waitFor(Promise.race([look(), instance.clock.ended]));
  }
  isOver = true;
  await scheduler.waitFor(clock);
  return {
    violations: [...world.history.violations, ...world.listHistory.violations, ...left],
    // Nobody is left to read, where processes ended early.
    refusal: world.history.reads === 0 ? undefined : validate(world.trace),
  };
};

/** A process ends, and another one starts in its place at once, soon, or never. */
const succeed = async ({ clock, faults }: World, fate: Fate, place: Place): Promise<void> => {
  if (fate === 'restarted') place.vacate();
  else await place.end();
  const { at } = faults.fault;
  if (at === 6) return;
  await clock.sleep((at - 1) * 1_000);
  await place.start();
};

/** What a writer may be told in a fault. */
const passing = [OutcomeUnknown, DatabaseUnavailable, Overloaded];

const firstName = 'first';

const fail = (): never => {
  throw new Error('a plan names two instances');
};
