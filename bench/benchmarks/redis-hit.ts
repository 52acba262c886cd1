import { atLeast, type Benchmark, costColumns, costRow, find, timesAsFast } from '../harness/benchmark.ts';
import { measureSubjects } from '../harness/contest.ts';

const anchor = 'node-redis GET and JSON.parse';
const own = 'Kith, getUser by id';
const bentocache = 'bentocache, Redis alone';

export const redisHit: Benchmark = {
  name: 'redis-hit',
  title: 'A hit in Redis',
  about:
    '64 callers at a time, a user of 900 bytes. Kith with a memory that keeps nothing beyond the moment.',
  run: async (context) => {
    const measured = await measureSubjects(
      context,
      'redis-hit.ts',
      [
        [anchor, 'get'],
        [own, 'kith'],
      ],
      [
        [bentocache, 'bentocacheRedis'],
        ['cacheable, Redis alone', 'cacheableRedis'],
      ],
    );
    const ours = find(measured, own);
    return {
      columns: costColumns,
      rows: measured.map(costRow),
      verdicts: [
        ...atLeast('P3', 'of the anchor', 0.9, ours?.ofAnchor.median),
        ...atLeast(
          'P3',
          'times bentocache on Redis alone',
          1.15,
          timesAsFast(ours, find(measured, bentocache)),
        ),
      ],
    };
  },
};
