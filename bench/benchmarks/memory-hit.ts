import { atLeast, type Benchmark, costColumns, costRow, find, timesAsFast } from '../harness/benchmark.ts';
import { measureSubjects } from '../harness/contest.ts';

const anchor = 'lru-cache behind one async call';
const embedded = 'Kith, getUser by id, embedded';
const byEmail = 'Kith, getUser by email, embedded';
const bentocache = 'bentocache, two tiers, as installed';

export const memoryHit: Benchmark = {
  name: 'memory-hit',
  title: 'A hit in memory',
  about:
    'One caller, one read after the other, a user of 900 bytes. Kith through its use case; the peers with both of their ' +
    'tiers, and the user in the first.',
  run: async (context) => {
    const measured = await measureSubjects(
      context,
      'memory-hit.ts',
      [
        [anchor, 'bare'],
        [embedded, 'embedded'],
        ['Kith, getUser by id, memory over Redis', 'tiered'],
        [byEmail, 'byEmail'],
      ],
      [
        [bentocache, 'bentocache'],
        ['bentocache, two tiers, serialize: false', 'bentocacheShared'],
        ['cacheable, two tiers', 'cacheable'],
        ['cache-manager with keyv, two tiers', 'cacheManager'],
        ['node-redis client-side cache', 'clientSideCache'],
      ],
    );
    const own = find(measured, embedded);
    return {
      columns: costColumns,
      rows: measured.map(costRow),
      verdicts: [
        ...atLeast('P1', 'by id, of the anchor', 0.4, own?.ofAnchor.median),
        ...atLeast(
          'P1',
          'by id, times bentocache as installed',
          10,
          timesAsFast(own, find(measured, bentocache)),
        ),
        ...atLeast('P2', 'by email, of the anchor', 0.25, find(measured, byEmail)?.ofAnchor.median),
      ],
    };
  },
};
