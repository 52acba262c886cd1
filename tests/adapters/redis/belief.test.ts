/** What a value in Redis has to prove before it is served, and what becomes of one that does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient } from '../../../adapters/redis/client.ts';
import { RedisCache } from '../../../adapters/redis/redis-cache.ts';
import { Belief, type Judge } from '../../../application/caching/belief.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { users as userKind } from '../../../application/records/user.ts';
import type { UserId } from '../../../domain/identifiers.ts';
import type { CachePort } from '../../../domain/ports/cache.ts';
import type { Proof } from '../../../domain/ports/change-log.ts';
import type { Snapshot } from '../../../domain/snapshot.ts';
import type { User } from '../../../domain/user.ts';
import { anyToken, leaseIn } from '../../contracts/cache.ts';
import { anyUserId, sampleUser } from '../../contracts/records.ts';
import { importMutants, type Mutation } from '../../mutants.ts';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { before, epoch, proof } from '../../support/proofs.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import { redisOptions, runtime } from './fixture.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await openRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

const nameOf = (id: string): string => `kith:user:id:${id}`;
const textOf = (id: UserId, header: string): string => header + userKind.codec.encode(sampleUser(id), id);
const put = (id: UserId, header: string): Promise<unknown> =>
  server.command('SET', nameOf(id), textOf(id, header));
const lying = (id: string): Promise<unknown> => server.command('GET', nameOf(id));
const stateOf = async (users: CachePort<User>, id: UserId): Promise<string> => (await users.read(id)).state;

/** What the process of the test knows: everything below 50 from the start, and one change of one user. */
const knowing = (id: UserId | undefined, xid = 70): Belief => {
  const belief = new Belief();
  belief.begin(epoch, before(50));
  if (id !== undefined) belief.apply(before(90), new Map([[`users ${id}`, [xid]]]));
  return belief;
};

type Type = typeof RedisCache;
type Types = { readonly RedisCache: Type };
type Setting = {
  readonly judge: Judge;
  readonly port?: number;
  readonly wrap?: (client: Client) => Client;
  /** What is under a key is hardly a matter of time, however busy the machine. */
  readonly commandTimeoutMs?: number;
};
type Open = (setting: Setting) => Promise<RedisCache>;

const openerOf =
  (type: Type): Open =>
  async ({ judge, port = server.port, wrap = (client) => client, commandTimeoutMs = 1000 }) => {
    const address = { ...server.address, port };
    const open = () => wrap(openClient(address));
    const options = { ...redisOptions(address), open, commandTimeoutMs };
    const cache = new type(options, runtime(undefined, undefined, judge));
    await cache.start();
    return cache;
  };

/** Runs a trial on a value in Redis that is not believed, for each reason that there is. */
const eachDisbelieved = async (
  open: Open,
  trial: (users: CachePort<User>, id: UserId, text: string) => Promise<void>,
): Promise<void> => {
  for (const header of [
    'V1:other123 100:100: ',
    'V1:- ',
    `V1:${epoch} 60:70: `,
    `V1:${epoch} 60:100:60,70 `,
  ]) {
    const id = anyUserId();
    await using cache = await open({ judge: knowing(id) });
    await put(id, header);
    await trial(cache.of(userKind), id, textOf(id, header));
  }
};

/** Something else comes under the key after the value was read and before it is replaced. */
const eachRace = async (open: Open, trial: typeof expectUntouched): Promise<void> => {
  const id = anyUserId();
  const news = ['F:token', 'L:token', textOf(id, `V1:${epoch} 80:80: `), undefined];
  for (const there of news) {
    const wrap = (client: Client): Client =>
      new Proxy(client, {
        get: (of, name) => {
          const member: unknown = Reflect.get(of, name, of);
          if (typeof member !== 'function') return member;
          if (name !== 'sendCommand') return member.bind(of);
          return async (args: readonly string[]) => {
            if (args[0] === 'EVALSHA')
              await (there === undefined
                ? server.command('DEL', nameOf(id))
                : server.command('SET', nameOf(id), there));
            return of.sendCommand([...args]);
          };
        },
      });
    await put(id, `V1:${epoch} 60:60: `);
    await using cache = await open({ judge: knowing(id), wrap });
    await trial(cache, id, there ?? null);
  }
};
const expectUntouched = async (cache: RedisCache, id: UserId, there: string | null): Promise<void> => {
  expect(await stateOf(cache.of(userKind), id)).toBe('filling');
  expect(await lying(id)).toBe(there);
};

const file = (name: string): URL => new URL(`../../../adapters/redis/${name}.ts`, import.meta.url);

type Guard = readonly [
  sentence: string,
  hold: (open: Open) => Promise<void>,
  planted: readonly (readonly [file: string, mutation: Mutation])[],
];

const guards: readonly Guard[] = [
  [
    'a value of another epoch, without a proof or outdated is not served, and gives way to a lease that fills',
    (open) =>
      eachDisbelieved(open, async (users, id) => {
        const lease = leaseIn(await users.read(id));
        expect(await lying(id)).toBe(`L:${lease.token}`);
        expect(await users.fill(lease, sampleUser(id, 2), proof)).toBe(true);
        expect(await users.read(id)).toMatchObject({ state: 'hit', value: { version: 2 } });
      }),
    [
      ['redis-records', ['judge.doubt(kind, key, found.proof) !== undefined', 'false']],
      ['redis-records', ["return found.state === 'value' ? this", "return found.state === 'hit' ? this"]],
      [
        'scripts',
        [
          "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\nreturn 1`);\n\n/** REPLAY",
          'return 1`);\n\n/** REPLAY',
        ],
      ],
    ],
  ],
  [
    'nor in a batch',
    (open) =>
      eachDisbelieved(open, async (users, id) => {
        const [read] = await users.readMany([id, anyUserId()]);
        if (read === undefined) throw new Error('there is no answer');
        expect(await users.fill(leaseIn(read), sampleUser(id, 2), proof)).toBe(true);
        expect((await users.readMany([id]))[0]).toMatchObject({ state: 'hit', value: { version: 2 } });
      }),
    [['redis-records', ['judge.doubt(kind, key, found.proof) !== undefined', 'false']]],
  ],
  [
    'it gives way only if it is still that value: a fence, a lease and a newer value stay',
    (open) => eachRace(open, expectUntouched),
    [['scripts', ["if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end", '']]],
  ],
  [
    'a value is judged once for each read, for doubts are counted; who only looks changes nothing and counts nothing',
    async (open) => {
      const id = anyUserId();
      const asked: string[] = [];
      const judge: Judge = {
        doubt: (_kind, key, _proof, purpose = 'serve') => {
          if (purpose === 'serve') asked.push(key);
          return 'outdated';
        },
      };
      await using cache = await open({ judge });
      await put(id, `V1:${epoch} 60:60: `);
      await cache.of(userKind).read(id);
      await put(id, `V1:${epoch} 60:60: `);
      await cache.of(userKind).readMany([id]);
      await put(id, `V1:${epoch} 60:60: `);
      expect(await cache.of(userKind).inspect(id)).toMatchObject([{ state: 'value', disbelief: 'outdated' }]);
      expect(await lying(id)).toBe(textOf(id, `V1:${epoch} 60:60: `));
      expect(asked).toEqual([id, id]);
    },
    [
      ['redis-records', ['// A hit takes no further promise.', 'this.#judged(found, key);']],
      ['redis-records', [", 'look')) ?? null", ')) ?? null']],
    ],
  ],
  [
    'a fill without a proof stores nothing and gives the lease back; a hint needs none',
    async (open) => {
      await using cache = await open({ judge: knowing(undefined) });
      const user = sampleUser(anyUserId());
      const [users, emails] = [cache.of(userKind), cache.of(pointers.email)];
      const lease = leaseIn(await users.read(user.id));
      expect(await users.fill(lease, user)).toBe(false);
      expect(await lying(user.id)).toBe(null);
      expect(await users.fill(leaseIn(await users.read(user.id)), user, proof)).toBe(true);
      expect(await emails.fill(leaseIn(await emails.read(user.email)), user.id)).toBe(true);
      expect(await emails.read(user.email)).toMatchObject({ state: 'hit', value: user.id });
    },
    [
      ['redis-records', ['proof !== undefined || kind.origin === undefined', 'true']],
      ['redis-records', ['proof !== undefined || kind.origin === undefined', 'proof !== undefined']],
      ['redis-records', ['!isProved ? undefined', "!isProved ? '-'"]],
    ],
  ],
  [
    'a value of another schema is neither served nor replaced, and nothing is stored beside it',
    async (open) => {
      await using cache = await open({ judge: knowing(undefined) });
      const users = cache.of(userKind);
      for (const schema of [0, 2, 12]) {
        const id = anyUserId();
        const text = textOf(id, `V${schema}:${epoch} 100:100: `);
        await put(id, `V${schema}:${epoch} 100:100: `);
        expect(await stateOf(users, id)).toBe('unavailable');
        expect((await users.readMany([id])).map(({ state }) => state)).toEqual(['unavailable']);
        expect(await lying(id)).toBe(text);
        // A write of either version hides it from both.
        await users.fence(id, 'mine');
        expect(await lying(id)).toBe('F:mine');
        await users.release(id, 'mine');
        expect(await stateOf(users, id)).toBe('leased');
      }
    },
    [['entry', ["? unavailable : 'unreadable'", "? 'unreadable' : 'unreadable'"]]],
  ],
  [
    'with many transactions in progress a value claims to have seen less, never more',
    async (open) => {
      const inProgress = Array.from({ length: 20 }, (_, i) => 100 + 2 * i);
      const snapshot: Snapshot = { xmin: 100, xmax: 200, inProgress };
      // 130 was in progress and is told of no more; 113 had ended, and who reads the value may not rely on that.
      for (const [changed, state] of [
        [130, 'leased'],
        [104, 'leased'],
        [116, 'leased'],
        [113, 'hit'],
        [90, 'hit'],
      ] as const) {
        const user = sampleUser(anyUserId());
        const belief = new Belief();
        belief.begin(epoch, before(50));
        await using cache = await open({ judge: belief });
        const users = cache.of(userKind);
        const crowded: Proof = { epoch, snapshot };
        expect(await users.fill(leaseIn(await users.read(user.id)), user, crowded)).toBe(true);
        belief.noteOwn(changed, [{ source: 'users', key: user.id }]);
        expect(await stateOf(users, user.id)).toBe(state);
      }
    },
    [
      [
        'entry',
        [
          'bounded(proof.snapshot, maxInProgress)',
          '{ ...proof.snapshot, inProgress: proof.snapshot.inProgress.slice(0, maxInProgress) }',
        ],
      ],
    ],
  ],
  [
    'when another epoch begins, batches of values that nobody believes do not take Redis out of use',
    async (open) => {
      const ids = Array.from({ length: 1500 }, anyUserId);
      await using seed = await open({ judge: knowing(undefined) });
      for (let from = 0; from < ids.length; from += 250) {
        const leases = await seed.of(userKind).readMany(ids.slice(from, from + 250));
        const fill = async (read: (typeof leases)[number]): Promise<void> => {
          const lease = leaseIn(read);
          await seed.of(userKind).fill(lease, { ...sampleUser(anyUserId()), id: lease.key as UserId }, proof);
        };
        await Promise.all(leases.map(fill));
      }
      await using cache = await open({ judge: { doubt: () => 'other-epoch' } });
      const batches = [0, 500, 1000].map((from) => ids.slice(from, from + 500));
      const reads = (await Promise.all(batches.map((keys) => cache.of(userKind).readMany(keys)))).flat();
      expect(cache.counters().failures).toEqual({});
      expect(cache.inUse()).toBe(true);
      const states = Map.groupBy(reads, ({ state }) => state);
      expect([...states.keys()].sort()).toEqual(['leased', 'unavailable']);
    },
    [['redis-records', ['const maxReplacing = 250;', 'const maxReplacing = 250_000;']]],
  ],
  [
    'a batch with values that give way takes no longer than one deadline',
    async (open) => {
      await using proxy = await openFaultProxy(server.address);
      const judge: Judge = { doubt: () => 'outdated' };
      await using cache = await open({ judge, port: proxy.port, commandTimeoutMs: 100 });
      const id = anyUserId();
      await put(id, `V1:${epoch} 100:100: `);
      proxy.set({ latencyMs: 35 });
      expect((await cache.of(userKind).readMany([id])).map(({ state }) => state)).toEqual(['unavailable']);
    },
    [['batch', ['parse(values[i], entry, readStartedAtMs)', 'parse(values[i], entry, performance.now())']]],
  ],
];

describe('a value in Redis', () => {
  it.each(guards)('%s', (_sentence, hold) => hold(openerOf(RedisCache)));

  it.each(
    guards.flatMap(([sentence, hold, planted]) =>
      planted.map(([name, mutation]) => [sentence, mutation[1] || 'nothing', hold, name, mutation] as const),
    ),
  )('%s: and not with %s', async (_sentence, _with, hold, name, mutation) => {
    const mutated = async (...mutations: readonly Mutation[]): Promise<Type> => {
      const changed = [[file(name), ...mutations], [file('redis-records')]] as const;
      return ((await importMutants(file('redis-cache'), ...changed)) as Types).RedisCache;
    };
    // As it is, imported the same way, it holds: what fails is the mutation.
    await hold(openerOf(await mutated()));
    const type = await mutated(mutation);
    await expect(hold(openerOf(type))).rejects.toThrow();
  });

  it('of two versions that run side by side is each one\u2019s own, and a write hides it from both', async () => {
    const belief = knowing(undefined);
    await using old = await openerOf(RedisCache)({ judge: belief });
    const next = { ...userKind, codec: { ...userKind.codec, schema: userKind.codec.schema + 1 } };
    const kinds = recordKinds().map((kind) => (kind.name === next.name ? next : kind));
    await using newer = new RedisCache(
      { ...redisOptions(server.address), kinds },
      runtime(undefined, undefined, belief),
    );
    await newer.start();
    const [users, usersOfNext] = [old.of(userKind), newer.of(next)];
    const id = anyUserId();
    for (const [one, other] of [
      [users, usersOfNext],
      [usersOfNext, users],
    ] as const) {
      expect(await one.fill(leaseIn(await one.read(id)), sampleUser(id), proof)).toBe(true);
      expect(await stateOf(other, id)).toBe('unavailable');
      expect(await stateOf(one, id)).toBe('hit');
      const token = anyToken();
      await other.fence(id, token);
      expect(await stateOf(one, id)).toBe('fenced');
      await other.release(id, token);
    }
  });
});

it.each([
  ['V1:other123 100:100: ', 'other-epoch'],
  ['V1:- ', 'unproved'],
  [`V1:${epoch} 60:70: `, 'outdated'],
  [`V1:${epoch} 100:100: `, null],
])('inspect tells whether %j is believed: %s', async (header, disbelief) => {
  const id = anyUserId();
  await using cache = await openerOf(RedisCache)({ judge: knowing(id) });
  await put(id, header);
  expect(await cache.of(userKind).inspect(id)).toMatchObject([{ state: 'value', version: 1, disbelief }]);
});
