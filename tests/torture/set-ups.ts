/** Instances that are not alike: for a while, or in a roll-out one after the other. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { changeEverybody } from './by-psql.ts';
import type { Bounds } from './facts.ts';
import type { Fault } from './faults.ts';
import type { Random } from './random.ts';
import type { Change } from './server-process.ts';
import { bounds, type World } from './world.ts';

/** The largest bounds that any instance has in a roll-out of settings. */
export const largestBounds: Bounds = { maxStalenessMs: 1500, boundMs: 2 * bounds.boundMs };

type Choice = (world: World, random: Random) => Change;

const withSettings = (settings: NonNullable<Change['settings']>): Change => ({ settings });
const otherRedis = ({ otherRedis: { port } }: World): Change =>
  withSettings({ REDIS_URL: `redis://127.0.0.1:${port}` });
const otherPrefix: Change = withSettings({ CACHE_KEY_PREFIX: 'other:' });

/** Half of the instances, but one at least. */
const some = <T>(items: readonly T[], random: Random): readonly T[] => {
  const first = random.below(items.length);
  return [...items.slice(first), ...items.slice(0, first)].slice(0, Math.max(1, items.length >> 1));
};

/** They are changed at once, stay so for a while, and are changed back. */
const unlike =
  (choose: Choice, pickServers: typeof some): Fault =>
  async (world, random, ms, mode) => {
    const change = choose(world, random);
    const servers = pickServers(world.servers, random);
    mode.rawSql = true;
    await Promise.all(servers.map((server) => server.restart(change)));
    await sleep(ms);
    await Promise.all(servers.map((server) => server.restart()));
    mode.rawSql = false;
  };

/** They are changed one by one, and then back. */
const rollOut =
  (choose: Choice): Fault =>
  async (world, random, ms, mode) => {
    const change = choose(world, random);
    const servers = some(world.servers, random);
    mode.rawSql = true;
    for (const next of [change, {}]) {
      for (const server of servers) {
        await server.restart(next);
        await sleep(ms / servers.length);
      }
    }
    mode.rawSql = false;
  };

export const twoRedis: Fault = unlike(
  (world, random) => (random.chance(0.5) ? otherRedis(world) : otherPrefix),
  some,
);
export const oneWithoutRedis: Fault = unlike(
  () => withSettings({ REDIS_URL: '', INSTANCES: 'many' }),
  (servers, random) => [random.pick(servers)],
);
export const settingsRolledOut: Fault = rollOut((world, random) =>
  random.pick([
    withSettings({ MAX_STALENESS_MS: `${largestBounds.maxStalenessMs}` }),
    withSettings({ JOURNAL_BOUND_MS: `${largestBounds.boundMs}` }),
    otherPrefix,
    otherRedis(world),
  ]),
);
export const versionRolledOut: Fault = rollOut(() => ({ preload: 'tests/torture/next-version.ts' }));

/** Redis comes back with a copy that is older than changes: values, leases and fences of then. */
export const redisRestored: Fault = async ({ redis }, _random, ms, _mode, context) => {
  await redis.command('SAVE');
  await changeEverybody(context);
  await sleep(Math.max(ms, bounds.boundMs));
  await redis.kill();
  await redis.start();
  const folder = await redis.command('CONFIG', 'GET', 'dir');
  // Only this once.
  if (Array.isArray(folder)) await rm(join(String(folder[1]), 'dump.rdb'));
  await sleep(1000);
};
