import { doctorIn, type Scene } from './scenes.ts';

// An address for documentation (RFC 5737): nobody is there, and no name is asked for.
const far = '192.0.2.1:1';

export const scenesOfConfiguration: readonly Scene[] = [
  {
    name: 'nothing is set but a database on another host',
    codes: ['secret-made', 'database-in-clear', 'memory-alone'],
    examine: () => doctorIn({ JWT_SECRET: '', DATABASE_URL: `postgres://kith@${far}/kith` }),
  },
  {
    name: 'a database and a Redis on another host, without certificates',
    codes: ['database-unverified', 'redis-in-clear'],
    examine: () =>
      doctorIn({
        DATABASE_URL: `postgres://kith@${far}/kith?sslmode=no-verify`,
        REDIS_URL: `redis://${far}`,
      }),
  },
];
