import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../row.ts';
import { databaseFault } from './database-fault.ts';

/** PostgreSQL is away: what is cached is served, and the rest refused at once. */
export const databaseOutages: readonly Row[] = [
  databaseFault({
    name: 'a PostgreSQL that dies leaves cached reads, and 503 at once for the rest',
    inject: ({ toDatabase }) => toDatabase.set('cut'),
    heal: ({ toDatabase }) => toDatabase.set('pass'),
    opens: true,
  }),
  databaseFault({
    name: 'a PostgreSQL that restarts is in use again as soon as it is up',
    inject: ({ toDatabase }) => toDatabase.set('cut'),
    during: async ({ toDatabase }) => {
      toDatabase.set('pass');
      await sleep(100);
      toDatabase.reset();
      toDatabase.set('cut');
      await sleep(900);
    },
    heal: ({ toDatabase }) => toDatabase.set('pass'),
  }),
  databaseFault({
    name: 'a PostgreSQL that hangs costs one deadline; then 503 at once until it is back',
    inject: ({ toDatabase }) => toDatabase.set('black-hole'),
    heal: ({ toDatabase }) => toDatabase.set('pass'),
    opens: true,
  }),
];
