/** Two processes over one PostgreSQL and Upstash by REST, which cannot tell one of what the other changed. */
import { inspect } from 'node:util';
import { expect, it, onTestFinished, vi } from 'vitest';
import { defaultJournalBoundMs } from '../../application/caching/limits.ts';
import { compose, type Kith } from '../../composition/compose.ts';
import { configFrom } from '../../composition/config.ts';
import type { UserId } from '../../domain/identifiers.ts';
import { Secret } from '../../domain/secret.ts';
import { recordingLog } from '../adapters/mikro-orm/support.ts';
import { until } from '../adapters/redis/fixture.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';
import { quickHasher } from '../support/quick-hasher.ts';
import { openRestServer, type RestFault } from '../support/rest-server.ts';

// Each makes a database of its own, which takes long on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const patienceMs = 30_000;
const password = 'correct horse battery staple';

const open = async () => {
  const server = await openRestServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const database = await createTestDatabase();
  onTestFinished(() => database[Symbol.asyncDispose]());
  const config = configFrom({
    DATABASE_URL: urlOf(database.address),
    UPSTASH_REDIS_REST_URL: server.address.url,
    UPSTASH_REDIS_REST_TOKEN: Secret.reveal(server.address.token),
    JWT_SECRET: 'a secret of the tests, 40 characters long',
    REDIS_COMMAND_TIMEOUT_MS: '1000',
  });
  const log = recordingLog();
  const start = async (): Promise<Kith> => {
    const kith = await compose(config, { log, hasher: quickHasher });
    onTestFinished(() => kith.close());
    expect(await kith.ready()).toBe(true);
    await until(async () => (await kith.useCases.getCacheStatus()).status === 'healthy', patienceMs);
    return kith;
  };
  const kiths = [await start(), await start()] as const;
  const [one] = kiths;
  const session = await one.useCases.register({ email: 'ann@example.com', username: 'ann', password });
  if (!session.ok) throw new Error(session.error.code);
  return { server, kiths, log, user: session.value.user, token: Secret.reveal(session.value.token) };
};

const occupationIn = async ({ useCases }: Kith, id: UserId) => {
  const found = await useCases.getUser({ kind: 'id', value: id });
  return found.ok ? found.value.value.occupation : found.error.code;
};

it('a change of one is seen by the other through the log, and a revoked token is refused by both at once', async () => {
  const { kiths, user, token } = await open();
  const [one, other] = kiths;
  await until(async () => {
    const read = await other.useCases.getUser({ kind: 'id', value: user.id });
    return read.ok && read.value.source === 'memory';
  }, patienceMs);
  expect((await one.useCases.changeProfile(user.id, { occupation: 'Pilot' })).ok).toBe(true);
  expect(await occupationIn(one, user.id)).toBe('Pilot');
  await until(async () => (await occupationIn(other, user.id)) === 'Pilot', patienceMs);
  expect((await other.useCases.authenticate(token)).ok).toBe(true);
  expect((await one.useCases.signOutEverywhere(user.id)).ok).toBe(true);
  for (const kith of kiths) expect((await kith.useCases.authenticate(token)).ok).toBe(false);
});

it('says what it is, and its token to nobody', async () => {
  const { server, kiths, log, user } = await open();
  const [{ useCases, http }] = kiths;
  await useCases.getUser({ kind: 'id', value: user.id });
  const health = await http.fetch(new Request('http://kith.local/health/cache'));
  expect(await health.json()).toMatchObject({ status: 'healthy', backend: 'upstash', circuit: 'closed' });
  // Memory follows the log, so its bound is the log's.
  expect(await useCases.getCacheStatus()).toMatchObject({
    maxStalenessMs: defaultJournalBoundMs,
    memoryUsedBytes: null,
  });
  const metrics = await (await http.ops(new Request('http://127.0.0.1/metrics'))).text();
  expect(metrics).toContain('kith_redis_operation_duration_seconds');
  const names = await server.redis.command('KEYS', '*');
  const said = inspect([log.lines, kiths, metrics, names], { depth: 12, showHidden: true });
  expect(said).not.toContain(Secret.reveal(server.address.token));
});

it.each<[what: string, fault: RestFault]>([
  ['hangs', 'hang'],
  ['cuts connections off', 'cut'],
  ['answers 500 with HTML', { status: 500, body: '<html>' }],
  ['answers 429', { status: 429, body: '' }],
  ['refuses the token', { status: 401, body: '{"error":"WRONGPASS invalid or missing auth token"}' }],
])('answers everybody, and rightly, while the service %s', async (_what, fault) => {
  const { server, kiths, user } = await open();
  const [one, other] = kiths;
  await occupationIn(other, user.id);
  server.set(fault);
  for (const occupation of ['Baker', 'Pilot', 'Nurse']) {
    expect((await one.useCases.changeProfile(user.id, { occupation })).ok).toBe(true);
    expect(await occupationIn(one, user.id)).toBe(occupation);
    await until(async () => (await occupationIn(other, user.id)) === occupation, patienceMs);
  }
  expect(await occupationIn(one, user.id)).toBe('Nurse');
});
