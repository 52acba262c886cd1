/** The simulation that the properties run in, held to what it simulates. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { recordKinds } from '../../application/records/kinds.ts';
import { users } from '../../application/records/user.ts';
import type { Cacheable, CachePort } from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { CacheUnderTest } from '../contracts/cache.ts';
import { assertLikeModel } from '../contracts/cache-model.ts';
import { onlyOf } from '../contracts/records.ts';
import { type RedisVariant, SimulatedRedis } from './redis.ts';
import { World } from './world.ts';

/** What everybody believes here. */
const anyProof: Proof = { epoch: 'of-tests', snapshot: { xmin: 3, xmax: 3, inProgress: [] } };

/** The simulated Redis as one instance reaches it, in a world in which nothing fails and each command waits for its turn. */
const open = (variant: RedisVariant): CacheUnderTest => {
  const [scheduler] = fc.sample(fc.scheduler(), 1);
  if (scheduler === undefined) throw new Error('no scheduler');
  const world = new World(scheduler, { kind: 'none', at: 1, instance: 0 });
  const caches = new SimulatedRedis(0, world, variant).reachedFrom(0, recordKinds(), {
    doubt: () => undefined,
  });
  const inTurn = <V extends Cacheable>(port: CachePort<V>): CachePort<V> => ({
    peek: (key) => port.peek(key),
    read: (key) => scheduler.waitFor(port.read(key)),
    // One after the other: what comes first among many at once is the scheduler's choice.
    readMany: async (keys) => {
      const reads = [];
      for (const key of keys) reads.push(await scheduler.waitFor(port.read(key)));
      return reads;
    },
    fill: (lease, value, proof = anyProof) => scheduler.waitFor(port.fill(lease, value, proof)),
    drop: (key) => port.drop(key),
    fence: (key, token) => scheduler.waitFor(port.fence(key, token)),
    release: (key, token) => scheduler.waitFor(port.release(key, token)),
    replay: (key) => scheduler.waitFor(port.replay(key)),
    inspect: (key) => port.inspect(key),
  });
  return {
    caches: onlyOf(users, inTurn(caches.of(users))),
    leaseMs: 5000,
    fenceTtlMs: 30_000,
    userTtlMs: 300_000,
    advance: () => Promise.reject(new Error('no time limits are simulated')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

it('the simulated Redis behaves like the model that the real one behaves like, but for time', async () => {
  await assertLikeModel(open({}), ['advance', 'inspect']);
});

it.each<readonly [what: string, variant: RedisVariant]>([
  ['fills where nothing is', { fill: 'nx' }],
  ['fills blindly', { fill: 'blind' }],
  ['releases any fence', { release: 'unconditional' }],
])('the model refutes a simulated Redis that %s', async (_what, variant) => {
  await expect(assertLikeModel(open(variant), ['advance', 'inspect'])).rejects.toThrow(/Counterexample/);
});
