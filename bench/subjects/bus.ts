import { connect } from 'node:net';
import { busChannel } from '../../adapters/redis/keys.ts';
import { systemClock, systemTimer } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { Belief } from '../../application/caching/belief.ts';
import { recordsOf } from '../../application/records/kinds.ts';
import { type Config, parseConfig } from '../../composition/compose.ts';
import { openShared, type Shared } from '../../composition/resources.ts';
import type { OpenSubject, Settings } from '../harness/subject.ts';
import { idsOf } from './people.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const configOf = ({ redisPort, postgresUrl }: Settings): Config => {
  const config = parseConfig({
    JWT_SECRET: 'a secret of the benchmarks, 40 characters',
    DATABASE_URL: postgresUrl,
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
  });
  if (!config.ok) throw new Error('a wrong configuration');
  return config.value;
};

const asterisk = 0x2a;

/**
 * What the buses of idle instances are to Redis: a subscription each, with a ping as often as a memory asks for one. On bare
 * sockets: a client that reads all that comes would take the processor from the Redis that is measured.
 */
export const subscribers: OpenSubject = async (settings) => {
  const { keyPrefix, maxStalenessMs } = configOf(settings).cache;
  let heard = 0;
  return {
    start: async (count) => {
      for (let started = 0; started < count; started++) {
        const socket = connect({ host: '127.0.0.1', port: settings.redisPort });
        const subscribed = new Promise((resolve) => socket.once('data', resolve));
        socket.write(`SUBSCRIBE ${busChannel(keyPrefix)}\r\n`);
        await subscribed;
        socket.on('data', (bytes) => {
          // Each push, and each pong of a subscriber, is an array; nothing in them has another asterisk.
          for (let at = bytes.indexOf(asterisk); at >= 0; at = bytes.indexOf(asterisk, at + 1)) heard++;
        });
        systemTimer.every(maxStalenessMs / 5, async () => void socket.write('PING\r\n'));
      }
    },
    heard: async () => heard,
  };
};

/** How many instances write; the commands of one go over one connection. */
const writers = 20;
const perSecond = 1000;

/** Fences and releases the records of 1,000 users a second, for so many milliseconds; how many a second it were. */
export const fences: OpenSubject = async (settings) => {
  const config = configOf(settings);
  const [first, ...others] = config.tokens.secrets;
  if (first === undefined) throw new Error('no secret');
  const runtime = { clock: systemClock, timer: systemTimer, ids: systemIds, log, judge: new Belief() };
  const opened: Shared[] = [];
  while (opened.length < writers) {
    const shared = await openShared({ config, secrets: [first, ...others], ...runtime });
    if (shared !== undefined) opened.push(shared);
  }
  const ids = idsOf(settings.people);
  let unconfirmed = 0;
  const write = async (n: number): Promise<void> => {
    const [shared, userId] = [opened[n % writers], ids[n % ids.length]];
    if (shared === undefined || userId === undefined) return;
    const records = recordsOf({ kind: 'user', userId });
    const token = systemIds.token();
    const ports = records.map(({ kind, key }) => ({ port: shared.cache.of(kind), key }));
    const fenced = await Promise.all(ports.map(({ port, key }) => port.fence(key, token)));
    if (!fenced.every((isConfirmed) => isConfirmed)) unconfirmed++;
    await Promise.all(ports.map(({ port, key }) => port.release(key, token)));
  };
  return {
    write: async (durationMs) => {
      const startMs = performance.now();
      const writing: Promise<void>[] = [];
      for (let n = 0; ; await systemTimer.sleep(1)) {
        const passedMs = Math.min(durationMs, performance.now() - startMs);
        while (n < (passedMs * perSecond) / 1000) writing.push(write(n++));
        if (passedMs === durationMs) break;
      }
      await Promise.all(writing);
      return writing.length / ((performance.now() - startMs) / 1000);
    },
    unconfirmed: async () => unconfirmed,
  };
};
