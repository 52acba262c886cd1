import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import { restored } from '../../cli/restored.ts';
import { compose, configFrom, type Kith, type UserId } from '../../composition/compose.ts';
import { silentLog, untilReady } from '../adapters/mikro-orm/support.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { openRedis } from '../support/redis-server.ts';
import { kith, runIn, urlOf } from './support.ts';

const secret = randomBytes(48).toString('base64url');

/** Where an instance that has just started, with its gate open, finds somebody first. */
const firstSource = async (instance: Kith, id: UserId): Promise<string> => {
  expect(await instance.ready()).toBe(true);
  for (let tries = 0; (await instance.useCases.getCacheStatus()).gate !== 'open'; tries++) {
    if (tries === 500) throw new Error('the gate does not open');
    await sleep(10);
  }
  const found = await instance.useCases.getUser({ kind: 'id', value: id });
  return found.ok ? found.value.source : found.error.code;
};

/** From here on a process that starts reads the log, so that what is cached is not cold for it. */
const noteMoment = async (address: PostgresAddress): Promise<void> => {
  await using database = await openPostgres({ address }, silentLog);
  await untilReady(database);
  await database.log.begin({ boundMs: 2_000, retentionMs: 60_000 });
  await database.log.sweep(60_000);
};

it('after it nobody believes what was cached before, and without it everybody does', async () => {
  await using database = await createTestDatabase();
  await using redis = await openRedis();
  const environment = { DATABASE_URL: urlOf(database.address) };
  const open = () =>
    compose(
      configFrom({
        ...environment,
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        JWT_SECRET: secret,
        LOG_LEVEL: 'silent',
      }),
    );
  await noteMoment(database.address);
  let id: UserId;
  {
    await using instance = await open();
    expect(await instance.ready()).toBe(true);
    const ann = { email: 'ann@example.com', username: 'ann', password: 'a long pass phrase' };
    const registered = await instance.useCases.register(ann);
    if (!registered.ok) throw new Error(registered.error.code);
    id = registered.value.user.id;
    await firstSource(instance, id);
  }
  {
    await using instance = await open();
    expect(await firstSource(instance, id)).toBe('redis');
  }
  expect(await kith(['restored'], environment)).toEqual({
    code: 0,
    out: 'nothing that was cached before is believed any more\n',
    err: '',
  });
  await using instance = await open();
  expect(await firstSource(instance, id)).toBe('stored');
}, 60_000);

it('has nothing to do where the log begins anew by itself', async () => {
  await using database = await createTestDatabase();
  const environment = { DATABASE_URL: urlOf(database.address) };
  expect(await runIn(restored, ['--json'], {})).toMatchObject({ code: 0, out: '{"renewed":false}\n' });
  // No migration has been here yet.
  expect(await runIn(restored, [], environment)).toMatchObject({ code: 1 });
  await kith(['migrate'], environment);
  expect(await runIn(restored, ['--json'], environment)).toMatchObject({
    code: 0,
    out: '{"renewed":false}\n',
  });
}, 30_000);

it('can be run by the role that serves, and by none that may only read', async () => {
  await using database = await createTestDatabase();
  await kith(['migrate'], { DATABASE_URL: urlOf(database.address) });
  await noteMoment(database.address);
  const [serves, reads] = ['serves', 'reads'].map((name) => `kith_${name}_${randomBytes(6).toString('hex')}`);
  const as = (user = '') => ({ DATABASE_URL: urlOf({ ...database.address, user, password: null }) });
  const epoch = async () => (await database.query('select epoch from log_state'))[0]?.['epoch'];
  for (const role of [serves, reads]) await database.query(`create role ${role} login`);
  try {
    await kith(['migrate', '--grant', serves ?? ''], { DATABASE_URL: urlOf(database.address) });
    await database.query(`grant select on log_state to ${reads}`);
    const before = await epoch();
    expect(await runIn(restored, [], as(reads))).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('42501'),
    });
    expect(await epoch()).toBe(before);
    expect(await runIn(restored, ['--json'], as(serves))).toMatchObject({
      code: 0,
      out: '{"renewed":true}\n',
    });
    expect(await epoch()).not.toBe(before);
  } finally {
    for (const role of [serves, reads]) await database.query(`drop owned by ${role}; drop role ${role}`);
  }
}, 60_000);

it('says why it could not be done', async () => {
  const away = { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/postgres' };
  expect(await runIn(restored, [], away)).toMatchObject({
    code: 1,
    err: expect.stringContaining('[database-connection-refused]'),
  });
  const refused = await runIn(restored, ['--json'], { DATABASE_URL: 'mysql://x' });
  expect(refused).toMatchObject({ code: 78, out: expect.stringContaining('DATABASE_URL') });
});
