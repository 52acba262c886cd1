import type { Row } from './row.ts';
import { databaseOutages } from './rows/database-outages.ts';
import { databaseProcesses } from './rows/database-processes.ts';
import { databaseRefusals } from './rows/database-refusals.ts';
import { databaseSetUps } from './rows/database-set-ups.ts';
import { databaseStandbys } from './rows/database-standbys.ts';
import { embedded } from './rows/embedded.ts';
import { processes } from './rows/processes.ts';
import { promises } from './rows/promises.ts';
import { redisAccess } from './rows/redis-access.ts';
import { redisContents } from './rows/redis-contents.ts';
import { redisLosses } from './rows/redis-losses.ts';
import { redisOutages } from './rows/redis-outages.ts';
import { redisRefusals } from './rows/redis-refusals.ts';

/** The faults of the table "What a user sees in each fault", by what is at fault; each part is a file of tests. */
export const parts: { readonly [part in 'redis' | 'database' | 'process' | 'promises']: readonly Row[] } = {
  redis: [...redisOutages, ...redisRefusals, ...redisLosses, ...redisContents, ...redisAccess],
  database: [
    ...databaseOutages,
    ...databaseProcesses,
    ...databaseRefusals,
    ...databaseSetUps,
    ...databaseStandbys,
  ],
  process: [...processes, ...embedded],
  promises,
};

export const rows: readonly Row[] = [...parts.redis, ...parts.database, ...parts.process, ...parts.promises];
