import { valuePrefix } from '../../../adapters/redis/entry.ts';
import { users } from '../../../application/records/user.ts';
import { ask, fieldOf } from '../client.ts';
import type { Row } from '../row.ts';
import { type Scene, untilHealthy } from '../scene.ts';

type Poison = {
  readonly name: string;
  readonly put: (scene: Scene, key: string, other: string) => Promise<unknown>;
};

const prefix = valuePrefix(users.codec);
const sixtyFourMegabytes = `${64 * 1024 * 1024}`;

const poisons: readonly Poison[] = [
  { name: 'a list', put: ({ redis }, key) => redis.command('RPUSH', key, 'x') },
  {
    name: 'broken JSON',
    put: ({ redis }, key) => redis.command('SET', key, `${prefix}0123abcd 100:100: {"id":`),
  },
  { name: 'no proof', put: ({ redis }, key) => redis.command('SET', key, `${prefix}{}`) },
  { name: "another user's", put: ({ redis }, key, other) => redis.command('COPY', other, key, 'REPLACE') },
  { name: '64 MB', put: ({ redis }, key) => redis.command('SETRANGE', key, sixtyFourMegabytes, 'x') },
];

/** What somebody else put under our names. */
export const redisContents: readonly Row[] = [
  {
    fault: 'wrong type, corrupt JSON, old schema, another user’s value, 64 MB value under a key',
    name: 'a wrong type, broken JSON, a value without proof, another user’s value and 64 MB under a key are misses, and replaced',
    run: async ({ checks, scene: shared }) => {
      const scene = await shared();
      const { people, redis } = scene;
      await untilHealthy(scene.server, 10_000);
      // A process that has none of it in memory.
      await using other = await scene.startAnother();
      await untilHealthy(other, 10_000);
      const last = people.settled.at(-1);
      await ask(`${scene.server.url}/me`, { token: last?.token ?? '' });
      const readMs: number[] = [];
      for (let n = 0; n < 10; n++) {
        readMs.push((await ask(`${other.url}/me`, { token: last?.token ?? '', noCache: true })).ms);
      }
      const limitMs = Math.max(60, ...readMs) + 100;
      for (const [n, { name, put }] of poisons.entries()) {
        const user = people.settled[n];
        const truth = user?.truth.get('/me') ?? '';
        const [mine, theirs] = [truth, last?.truth.get('/me') ?? ''].map(keyOf);
        if (user === undefined || mine === undefined || theirs === undefined) throw new Error('no keys');
        await redis.command('DEL', mine);
        await put(scene, mine, theirs);
        const answers = [];
        for (let round = 0; round < 3; round++) {
          answers.push(await ask(`${other.url}/me`, { token: user.token }));
        }
        const wrong = answers.filter(({ text }) => text !== truth).map(({ status }) => status);
        checks.none(`${name}: wrong answers`, wrong);
        checks.holds(`${name}: a miss`, !answers[0]?.cacheStatus.startsWith('kith; hit'));
        checks.atMostMs(
          `${name}: slowest read`,
          Math.max(...answers.map(({ ms }) => ms)),
          limitMs,
          'database + 100 ms',
        );
        const now = `${await redis.command('GETRANGE', mine, '0', '100').catch(() => 'another type')}`;
        checks.holds(`${name}: replaced`, now.startsWith(prefix) && now.includes(idOf(truth)));
      }
    },
  },
];

const idOf = (me: string): string => `${fieldOf(me, 'id')}`;
const keyOf = (me: string): string => `kith:user:id:${idOf(me)}`;
