import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../row.ts';
import { until } from '../scene.ts';
import { redisFault } from './redis-fault.ts';

const fault = 'writes refused, reads fine (READONLY, MISCONF, OOM, `CLIENT PAUSE WRITE`, ACL denied)';

/** Redis answers reads while every invalidation fails. */
export const redisRefusals: readonly Row[] = [
  redisFault({
    fault,
    name: 'a Redis that was demoted to a replica (READONLY) serves nothing old',
    inject: ({ redis }) => redis.command('REPLICAOF', '127.0.0.1', '1'),
    heal: ({ redis }) => redis.command('REPLICAOF', 'NO', 'ONE'),
  }),
  redisFault({
    fault,
    name: 'a Redis that cannot save its snapshots (MISCONF) serves nothing old',
    isForReportOnly: true,
    inject: async ({ redis }) => {
      await redis.command('CONFIG', 'SET', 'save', '3600 1');
      await redis.command('CONFIG', 'SET', 'dir', '/proc');
      await redis.command('BGSAVE').catch(() => undefined);
      const hasFailed = async (): Promise<boolean> =>
        `${await redis.command('INFO', 'persistence')}`.includes('rdb_last_bgsave_status:err');
      await until(hasFailed, 3000);
    },
    heal: async ({ redis }) => {
      await redis.command('CONFIG', 'SET', 'save', '');
      await redis.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    },
  }),
  redisFault({
    fault,
    name: 'a Redis that is out of memory (OOM) serves nothing old',
    inject: ({ redis }) => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
    heal: ({ redis }) => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
  }),
  redisFault({
    fault,
    name: 'CLIENT PAUSE WRITE delays no acknowledgement and leaves nothing old',
    inject: ({ redis }) => redis.command('CLIENT', 'PAUSE', '2500', 'WRITE'),
    heal: async ({ redis }) => {
      await redis.command('CLIENT', 'UNPAUSE');
      await sleep(0);
    },
  }),
  redisFault({
    fault,
    name: 'a Redis whose ACL denies writes serves nothing old',
    inject: ({ redis }) => redis.command('ACL', 'SETUSER', 'default', '-@write', '-@scripting'),
    heal: ({ redis }) => redis.command('ACL', 'SETUSER', 'default', '+@all'),
  }),
  redisFault({
    fault,
    name: 'a Redis whose ACL denies PUBLISH serves nothing old',
    inject: ({ redis }) => redis.command('ACL', 'SETUSER', 'default', '-publish'),
    heal: ({ redis }) => redis.command('ACL', 'SETUSER', 'default', '+@all'),
  }),
];
