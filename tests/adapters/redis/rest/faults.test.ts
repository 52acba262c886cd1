import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { RestClient } from '../../../../adapters/redis/rest/rest-client.ts';
import { systemClock } from '../../../../adapters/system/clock.ts';
import { users as userKind } from '../../../../application/records/user.ts';
import { Secret } from '../../../../domain/secret.ts';
import { anyToken } from '../../../contracts/cache.ts';
import { anyUserId, sampleUser } from '../../../contracts/records.ts';
import { proof } from '../../../support/proofs.ts';
import { openRestServer, type RestFault, readOnlyToken } from '../../../support/rest-server.ts';
import { fillUser, kept, MovableClock, openCache, openLog, until } from '../fixture.ts';
import { restOptions, setUp, stateOf } from './fixture.ts';

const minuteMs = 60_000;
const backAgainMs = 30_000;

vi.setConfig({ testTimeout: 120_000 });

/** What every fault has in common: nobody is answered from the cache, and nothing is taken for done. */
const expectNothing = async (
  cache: Parameters<typeof stateOf>[0],
  key: string,
  token: string,
): Promise<void> => {
  const users = cache.of(userKind);
  expect(await stateOf(cache, key)).toBe('unavailable');
  expect((await users.readMany([key])).map(({ state }) => state)).toEqual(['unavailable']);
  expect(await users.fence(key, token)).toBe(false);
};

const html = '<html><head><title>502 Bad Gateway</title></head></html>';

describe('a fault of the REST API costs nobody an answer and serves nothing old', () => {
  it.each<[what: string, fault: RestFault, code: string, isCertain: boolean]>([
    ['401', { status: 401, body: '{"error":"WRONGPASS invalid or missing auth token"}' }, 'auth', true],
    ['403 with HTML', { status: 403, body: html }, 'auth', true],
    ['429', { status: 429, body: '{"error":"Too Many Requests"}' }, 'limited', true],
    [
      '400, the requests of the month are used up',
      { status: 400, body: '{"error":"ERR max requests limit exceeded. Limit: 500000, Usage: 500001"}' },
      'limited',
      true,
    ],
    ['500 with HTML', { status: 500, body: html }, 'gateway', false],
    ['503 with an error of its own', { status: 503, body: '{"error":"ERR away"}' }, 'gateway', false],
    ['200 with HTML', { status: 200, body: html }, 'gateway', false],
    ['200 with JSON of another form', { status: 200, body: '{"result":"OK"}' }, 'gateway', false],
    ['200 with too few replies', { status: 200, body: '[]' }, 'gateway', false],
    ['200 with replies of another form', { status: 200, body: '["OK"]' }, 'gateway', false],
    ['half an answer', { status: 200, body: '[{"result":"V1:-' }, 'gateway', false],
    ['an answer without an end', 'endless', 'gateway', false],
    ['a redirect', 'redirect', 'network', false],
    ['cut off before it was run', 'cut', 'network', false],
  ])('%s', async (_what, fault, code, isCertain) => {
    const { server, cache, clock } = await setUp();
    const { id } = await fillUser(cache);
    server.set(fault);
    await expectNothing(cache, id, anyToken());
    expect(cache.counters().failures[code]).toBeGreaterThan(0);
    if (isCertain) expect(cache.inUse()).toBe(false);
    else await until(async () => (await stateOf(cache, id)) === 'unavailable' && !cache.inUse(), backAgainMs);
    server.set('pass');
    clock.move(minuteMs);
    await until(() => cache.inUse(), backAgainMs);
    // Of all that was refused nothing was done, and the cache is as it was.
    expect(await stateOf(cache, id)).toBe('hit');
  });

  it('a request that hangs is given up after one deadline, and then costs nothing', {
    timeout: 60_000,
  }, async () => {
    const { server, cache: patient, clock } = await setUp();
    const { id } = await fillUser(patient);
    const cache = kept(await openCache(server.redis.address, restOptions(server.address, clock, 200), clock));
    server.set('hang');
    await expectNothing(cache, id, anyToken());
    expect(cache.counters().failures['deadline']).toBeGreaterThan(0);
    await until(async () => (await stateOf(cache, id)) === 'unavailable' && !cache.inUse(), backAgainMs);
    const before = server.requests.length;
    expect(await stateOf(cache, id)).toBe('unavailable');
    // A probe is more than one command; a read would be one.
    expect(server.requests.slice(before).filter(({ commands }) => commands.length === 1)).toEqual([]);
    server.set('pass');
    await until(async () => (await stateOf(cache, id)) === 'hit', backAgainMs);
  });

  it('a slow answer that is in time is taken', async () => {
    const { server, cache } = await setUp();
    const { id } = await fillUser(cache);
    server.set({ afterMs: 50 });
    expect(await stateOf(cache, id)).toBe('hit');
    expect(await cache.of(userKind).fence(id, anyToken())).toBe(true);
  });

  it('a fence whose answer was cut off is not confirmed, protects, and is not released: it may still be on its way', async () => {
    const { server, cache } = await setUp();
    const { id } = await fillUser(cache);
    const token = anyToken();
    server.set('cut-after');
    expect(await cache.of(userKind).fence(id, token)).toBe(false);
    server.set('pass');
    expect(await cache.of(userKind).release(id, token)).toBe(false);
    expect(await stateOf(cache, id)).toBe('fenced');
  });

  it('a fill whose answer was cut off is not kept by whoever filled, and is right for everybody else', async () => {
    const { server, cache } = await setUp();
    const user = sampleUser(anyUserId());
    const read = await cache.of(userKind).read(user.id);
    if (read.state !== 'leased') throw new Error('a lease was expected');
    server.set('cut-after');
    expect(await cache.of(userKind).fill(read.lease, user, proof)).toBe(false);
    server.set('pass');
    expect(await cache.of(userKind).read(user.id)).toMatchObject({ state: 'hit', value: user });
  });

  it('a request that is too large for the plan is refused alone, and is no outage', async () => {
    const server = kept(await openRestServer());
    const client = new RestClient(server.address, 3000, systemClock);
    const large = client.sendCommand(['SET', 'large', 'x'.repeat(1_100_000)]);
    await expect(large).rejects.toMatchObject({ code: 'refused' });
    expect(await client.sendCommand(['PING'])).toBe('PONG');
    client.destroy();
  });

  it('a token that may only read is out of use from the start, and costs no request at a read', async () => {
    const server = kept(await openRestServer());
    const clock = new MovableClock();
    const { log, lines } = openLog();
    const address = { ...server.address, token: readOnlyToken };
    const cache = kept(await openCache(server.redis.address, restOptions(address, clock), clock, log));
    await until(() => !cache.inUse(), backAgainMs);
    expect(lines.map(({ event, fields }) => ({ event, ...fields }))).toEqual([
      { event: 'redis-out-of-use', cause: 'readonly', connection: null },
    ]);
    await expectNothing(cache, anyUserId(), anyToken());
    expect(cache.counters().failures['noperm']).toBeUndefined();
  });

  it('a Redis behind it that may not be written is out of use', async () => {
    const { server, cache } = await setUp();
    const { id } = await fillUser(cache);
    await server.redis.command('REPLICAOF', '127.0.0.1', '1');
    expect(await cache.of(userKind).fence(id, anyToken())).toBe(false);
    expect(cache.inUse()).toBe(false);
  });

  it('who was told that it asks too much asks nothing for a minute', async () => {
    const { server, cache, clock } = await setUp();
    server.set({ status: 429, body: '' });
    expect(await stateOf(cache, anyUserId())).toBe('unavailable');
    server.set('pass');
    const before = server.requests.length;
    clock.move(minuteMs / 2);
    // Long enough for several looks of the guard at whether it may probe.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(server.requests.length).toBe(before);
    expect(cache.inUse()).toBe(false);
    clock.move(minuteMs / 2);
    await until(() => cache.inUse(), backAgainMs);
  });
});

describe('a look-up of many', () => {
  it('that fails is one failure, and not one for each key', async () => {
    const { server, cache } = await setUp();
    await until(() => cache.acceptsWrites(), backAgainMs);
    server.set({ status: 500, body: html });
    const keys = Array.from({ length: 50 }, () => anyUserId());
    const states = (await cache.of(userKind).readMany(keys)).map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(['unavailable']));
    expect(cache.counters().failures['gateway']).toBe(1);
    expect(cache.inUse()).toBe(true);
  });

  it('repairs a key of another type, and spoils none of its neighbours', async () => {
    const { server, cache } = await setUp();
    const [{ id }, odd] = [await fillUser(cache), anyUserId()];
    await server.redis.command('LPUSH', `kith:user:id:${odd}`, 'x');
    const states = (await cache.of(userKind).readMany([id, odd])).map(({ state }) => state);
    expect(states).toEqual(['hit', 'leased']);
  });
});

describe('the client', () => {
  it('never sends what nobody waits for any more', async () => {
    const server = kept(await openRestServer());
    const clock = new MovableClock();
    const client = new RestClient(server.address, minuteMs, clock);
    server.set('hang');
    // So many requests may be under way; each is sent in a turn of its own.
    const first: Promise<unknown>[] = [];
    for (let request = 0; request < 16; request++) {
      first.push(client.sendCommand(['PING']).catch(() => undefined));
      await new Promise((resolve) => setTimeout(resolve));
    }
    await until(() => server.requests.length === 16, backAgainMs);
    const waiting = client.sendCommand(['SET', 'late', '1']).catch((error) => error);
    clock.move(minuteMs);
    server.set('pass');
    // Those under way end, and it is the turn of what waits.
    server.reset();
    expect(await waiting).toMatchObject({ code: 'deadline' });
    await Promise.all(first);
    expect(await client.sendCommand(['EXISTS', 'late'])).toBe(0);
    client.destroy();
  });

  it('ends a request that nobody waits for any more', async () => {
    const server = kept(await openRestServer());
    const client = new RestClient(server.address, 200, systemClock);
    server.set('hang');
    await expect(client.sendCommand(['PING'])).rejects.toMatchObject({ code: 'deadline' });
    await until(() => server.open() === 0, backAgainMs);
    client.destroy();
  });

  it('gives up what is under way when it is destroyed, and takes nothing more', async () => {
    const server = kept(await openRestServer());
    const client = new RestClient(server.address, 60_000, systemClock);
    server.set('hang');
    const pending = client.sendCommand(['PING']).catch((error) => error);
    await until(() => server.requests.length === 1, backAgainMs);
    client.destroy();
    expect(await pending).toMatchObject({ code: 'closed' });
    await expect(client.sendCommand(['PING'])).rejects.toMatchObject({ code: 'closed' });
  });

  it('takes no more commands than can wait', async () => {
    const client = new RestClient(
      { url: 'http://127.0.0.1:1', host: '127.0.0.1', port: 1, tls: false, token: new Secret('t') },
      3000,
      systemClock,
    );
    const sent = Array.from({ length: 10_001 }, () => client.sendCommand(['PING']));
    client.destroy();
    const outcomes = await Promise.allSettled(sent);
    const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? `${outcome.reason}` : ''));
    expect(reasons.filter((reason) => reason.includes('queue-full')).length).toBe(1);
    expect(reasons.filter((reason) => reason.includes('closed')).length).toBe(10_000);
  });

  it('says its token to nobody: not to a log, an error, an object, a key or another server', async () => {
    const secret = 'CANARY-token-77aa01';
    const server = kept(await openRestServer());
    const clock = new MovableClock();
    const { log, lines } = openLog();
    const address = { ...server.address, token: new Secret<'upstash-token'>(secret) };
    const options = restOptions(address, clock);
    const cache = kept(await openCache(server.redis.address, options, clock, log));
    const client = options.open();
    const errors = [
      await client.sendCommand(['PING']).catch((error) => error),
      await new RestClient({ ...address, url: 'http://127.0.0.1:1' }, 3000, clock)
        .sendCommand(['PING'])
        .catch((error) => error),
    ];
    const said = [
      ...[errors, lines, cache, client, address, options, cache.counters(), await cache.health()],
      await cache.of(userKind).inspect(anyUserId()),
      server.requests,
    ];
    expect(lines.map(({ fields }) => fields['cause'])).toContain('auth');
    expect(inspect(said, { depth: 20, showHidden: true })).not.toContain(secret);
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(() => JSON.stringify(address)).toThrow();
  });
});
