import { createClient } from 'redis';
import { parseUserId } from '../../domain/identifiers.ts';
import type { OpenSubject } from '../harness/subject.ts';
import { openKith } from './open-kith.ts';
import { idsOf } from './people.ts';

/** How long each of them took, in milliseconds, one after the other. */
export type SecurityTimes = {
  readonly ordinaryMs: readonly number[];
  readonly securityMs: readonly number[];
  readonly redisMs: readonly number[];
  /** Security writes that had to wait for the bound. */
  readonly byBound: number;
};

/** An instance over PostgreSQL and Redis that writes, or only gives receipts. */
export const kith: OpenSubject = async (settings) => {
  const { kith } = await openKith(settings, { database: 'postgres', redis: 'tiered' });
  const redis = createClient({ url: `redis://127.0.0.1:${settings.redisPort}` });
  await redis.connect();
  const id = parseUserId(idsOf(1)[0] ?? '');
  if (!id.ok) throw new Error('no user');
  const timed = async <T>(into: number[], work: () => Promise<T>): Promise<T> => {
    const startMs = performance.now();
    const value = await work();
    into.push(performance.now() - startMs);
    return value;
  };
  return {
    write: async (rounds): Promise<SecurityTimes> => {
      const [ordinaryMs, securityMs, redisMs]: [number[], number[], number[]] = [[], [], []];
      let byBound = 0;
      for (let n = 0; n < rounds; n++) {
        const changed = await timed(ordinaryMs, () => kith.useCases.changeProfile(id.value, { bio: `${n}` }));
        const ended = await timed(securityMs, () => kith.useCases.signOutEverywhere(id.value));
        await timed(redisMs, () => redis.ping());
        if (!changed.ok || !ended.ok) throw new Error('no user');
        if (ended.value.confirmation.by === 'bound') byBound++;
      }
      return { ordinaryMs, securityMs, redisMs, byBound };
    },
  };
};
