import { bentocache, bentocacheRedis, bentocacheShared } from './bentocache.ts';
import { cacheAside, clientSideCache } from './cache-aside.ts';
import { cacheable, cacheableRedis, cacheableSynced, cacheManager } from './keyv.ts';
import type { OpenPeer } from './load.ts';

/** Every peer that caches, by the name of its subject. */
export const peers: Readonly<Record<string, OpenPeer>> = {
  bentocache,
  bentocacheShared,
  bentocacheRedis,
  cacheable,
  cacheableSynced,
  cacheableRedis,
  cacheManager,
  cacheAside,
  clientSideCache,
};
