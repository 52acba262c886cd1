import process from 'node:process';
import type { OpenSubject } from '../harness/subject.ts';
import {
  bentocache as openBentocache,
  bentocacheRedis as openBentocacheRedis,
  bentocacheShared as openShared,
} from '../peers/bentocache.ts';
import { clientSideCache as openClientSideCache } from '../peers/cache-aside.ts';
import {
  cacheable as openCacheable,
  cacheableRedis as openCacheableRedis,
  cacheManager as openCacheManager,
} from '../peers/keyv.ts';
import type { OpenPeer } from '../peers/load.ts';
import { abreast, inTurn } from './loops.ts';
import { idsOf, person } from './people.ts';

/** Reads what is cached; `width` at a time. The second read of each is the one that finds it where it belongs. */
const hits =
  (open: OpenPeer, width: number): OpenSubject =>
  async ({ redisPort, people }) => {
    // Names of its own: several peers are open at a time, on one Redis.
    const ids = idsOf(people).map((id) => `${process.pid}:${id}`);
    const users = new Map(ids.map((id, index) => [id, person(index + 1)]));
    const cache = await open(redisPort, async (id) => users.get(id) ?? { id, version: 0 });
    for (const id of [...ids, ...ids]) await cache.read(id);
    const read = (n: number): Promise<unknown> => cache.read(ids[n % ids.length] ?? '');
    return {
      run: (operations) => (width === 1 ? inTurn(operations, read) : abreast(operations, width, read)),
    };
  };

export const bentocache: OpenSubject = hits(openBentocache, 1);
export const bentocacheShared: OpenSubject = hits(openShared, 1);
export const cacheable: OpenSubject = hits(openCacheable, 1);
export const cacheManager: OpenSubject = hits(openCacheManager, 1);
export const clientSideCache: OpenSubject = hits(openClientSideCache, 1);

export const bentocacheRedis: OpenSubject = hits(openBentocacheRedis, 64);
export const cacheableRedis: OpenSubject = hits(openCacheableRedis, 64);
