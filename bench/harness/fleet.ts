import type { History } from '../subjects/stores.ts';
import type { Context } from './benchmark.ts';
import { openRemote, type Remote } from './remote.ts';
import type { Workload } from './subject.ts';

const processes = 4;

/** Several processes with the same store on the same servers. */
export interface Fleet extends AsyncDisposable {
  readonly members: readonly Remote[];
  /** Everybody does their workload at the same time. */
  work(): Promise<readonly History[]>;
}

/** Starts them on emptied servers; the first one reaches Redis over `redisPort`, where a fault may lie in wait. */
export const openFleet = async (
  { settings, population, clean }: Context,
  name: string,
  workload?: Omit<Workload, 'seed'>,
  redisPort: number = settings.redisPort,
): Promise<Fleet> => {
  await clean();
  await using opened = new AsyncDisposableStack();
  const members = await Promise.all(
    Array.from({ length: processes }, async (_, number) => {
      const own = {
        ...settings,
        people: population,
        redisPort: number === 0 ? redisPort : settings.redisPort,
        ...(workload && { workload: { ...workload, seed: 100 + number } }),
      };
      return opened.use(await openRemote({ file: 'stores.ts', name }, own));
    }),
  );
  const open = opened.move();
  return {
    members,
    work: () => Promise.all(members.map(async (member) => parseHistory((await member.call('work')).value))),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
};

const parseHistory = (value: unknown): History => value as History;

/** The stores that are compared, by title and subject. */
export const fleets: readonly (readonly [title: string, subject: string, peer: boolean])[] = [
  ['no cache', 'none', false],
  ['cache-aside, DEL after the commit', 'cacheAside', true],
  ['bentocache, two tiers and bus', 'bentocache', true],
  ['cacheable, two tiers', 'cacheable', true],
  ['cacheable, two tiers and CacheSync', 'cacheableSynced', true],
  ['cache-manager with keyv, two tiers', 'cacheManager', true],
  ['node-redis client-side cache', 'clientSideCache', true],
  ['Kith', 'kith', false],
];

export const fleetsOf = ({ peers }: Context): typeof fleets => fleets.filter(([, , peer]) => peers || !peer);
