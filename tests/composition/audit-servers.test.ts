/**
 * The audit on a real PostgreSQL and Redis, with two processes and everybody writing: through Kith, and by raw SQL that lowers
 * versions, deletes rows and puts them back. `KITH_AUDIT_SECONDS` makes it longer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compose, type Kith, type Overrides } from '../../composition/compose.ts';
import { configFrom } from '../../composition/config.ts';
import type { UserId } from '../../domain/identifiers.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { samplesOf } from '../adapters/telemetry/samples.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../support/postgres.ts';
import { quickHasher } from '../support/quick-hasher.ts';
import { openRedis } from '../support/redis-server.ts';
import { openNaiveCache } from '../torture/naive-cache.ts';

const lastsMs = Number(process.env['KITH_AUDIT_SECONDS'] ?? 3) * 1000;
/** A finding takes up to three looks at what is due. */
const restsMs = 7_000;
const people = 6;

type Scene = {
  readonly kiths: readonly [Kith, Kith];
  readonly server: TestDatabase;
  readonly ids: readonly UserId[];
};

const open = async (overridesFor: (redisPort: number) => Promise<Overrides>): Promise<Scene> => {
  const server = await createTestDatabase();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const redis = await openRedis();
  onTestFinished(() => redis[Symbol.asyncDispose]());
  const config = configFrom({
    DATABASE_URL: urlOf(server.address),
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    JWT_SECRET: 'a secret of the tests, 40 characters long',
    JOURNAL_BOUND_MS: '400',
    MAX_STALENESS_MS: '100',
    CONSISTENCY_AUDIT: '1',
  });
  const start = async (): Promise<Kith> => {
    const overrides = await overridesFor(redis.port);
    const kith = await compose(config, { log: silentLog, hasher: quickHasher, ...overrides });
    onTestFinished(() => kith.close());
    expect(await kith.ready()).toBe(true);
    return kith;
  };
  const kiths = [await start(), await start()] as const;
  await server.query('create table kept as table contacts with no data');
  const ids: UserId[] = [];
  for (let n = 0; n < people; n++) {
    const session = await kiths[0].useCases.register({
      email: `person${n}@example.com`,
      username: `person${n}`,
      password: 'correct horse battery staple',
    });
    if (!session.ok) throw new Error(session.error.code);
    ids.push(session.value.user.id);
    await kiths[0].useCases.addContact(session.value.user.id, { firstName: 'First' });
  }
  return { kiths, server, ids };
};

/** One after the other until the time is over, with pauses in which a record may rest for longer than the bound. */
const keepOn = async (
  work: (turn: number) => Promise<unknown>,
  pauseMs: number,
  forMs = lastsMs,
): Promise<void> => {
  const untilMs = performance.now() + forMs;
  for (let turn = 0; performance.now() < untilMs; turn++) {
    await work(turn);
    await sleep(pauseMs);
  }
};

const readAll =
  ({ ids }: Scene, { useCases }: Kith) =>
  async (): Promise<void> => {
    await Promise.all(
      ids.map(async (id) => {
        await useCases.getUser({ kind: 'id', value: id });
        await useCases.getProfile({ id });
        const page = await useCases.listContacts(id, {});
        const first = page.ok ? page.value.value.items[0] : undefined;
        if (first !== undefined) await useCases.getContact(id, first.id);
      }),
    );
  };

const writeOne =
  ({ ids }: Scene, { useCases }: Kith) =>
  async (turn: number): Promise<void> => {
    const id = ids[turn % people];
    if (id === undefined) return;
    await useCases.changeProfile(id, { name: `turn ${turn}` });
    if (turn % 3 !== 0) return;
    // Added and removed again within the bound: a page is as it was, and was not all the while.
    const added = await useCases.addContact(id, { firstName: `Turn ${turn}` });
    if (added.ok) await useCases.removeContact(id, added.value.id);
  };

/** As at psql: each turn is statements, each a transaction of its own. Rows that come back have the versions that they had. */
const rawTurn =
  ({ ids, server }: Scene) =>
  async (turn: number): Promise<void> => {
    const id = ids[(turn * 5) % people];
    const rename = (name: string) => `update users set name = '${name}', version = 1 where id = '${id}'`;
    const turns: readonly (readonly string[])[] = [
      [rename(`raw ${turn}`)],
      [rename('there'), rename('back')],
      [
        `with gone as (delete from contacts where user_id = '${id}' returning *) insert into kept select * from gone`,
        'with back as (delete from kept returning *) insert into contacts select * from back',
      ],
      [`update contacts set first_name = 'Raw ${turn}', version = 1 where user_id = '${id}'`],
    ];
    for (const statement of turns[turn % turns.length] ?? []) await server.query(statement);
  };

const counted = async ({ kiths }: Scene, name: string): Promise<number> => {
  let sum = 0;
  for (const kith of kiths) {
    const text = await (await kith.http.ops(new Request('http://kith.local/metrics'))).text();
    for (const sample of samplesOf(text)) if (sample.name === name) sum += sample.value;
  }
  return sum;
};

/** Everybody reads and writes; then they read on, while everything rests for long enough to be judged. */
const live = async (scene: Scene): Promise<void> => {
  const [one, other] = scene.kiths;
  await Promise.all([
    keepOn(readAll(scene, one), 20),
    keepOn(readAll(scene, other), 20),
    keepOn(writeOne(scene, one), 150),
    keepOn(writeOne(scene, other), 230),
    keepOn(rawTurn(scene), 170),
  ]);
  await scene.server.query(`update users set bio = 'the last change'`);
  await Promise.all([keepOn(readAll(scene, one), 20, restsMs), keepOn(readAll(scene, other), 20, restsMs)]);
};

describe('the audit on real servers', () => {
  it('finds nothing, whoever writes', async () => {
    const scene = await open(async () => ({}));
    await live(scene);
    const audited = await counted(scene, 'kith_audited_reads_total');
    expect(audited).toBeGreaterThan(10);
    expect(await counted(scene, 'kith_stale_reads_total')).toBe(0);
  }, 120_000);

  it('finds a cache out that deletes after the commit', async () => {
    const scene = await open(async (port) => ({ cache: await openNaiveCache({ host: '127.0.0.1', port }) }));
    await live(scene);
    expect(await counted(scene, 'kith_stale_reads_total')).toBeGreaterThan(0);
  }, 120_000);
});
