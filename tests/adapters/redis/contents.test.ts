import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisCache } from '../../../adapters/redis/redis-cache.ts';
import { contacts as contactKind } from '../../../application/records/contact.ts';
import { lists as listKind, pages as pageKind } from '../../../application/records/contact-list.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { profiles as profileKind } from '../../../application/records/profile.ts';
import { users as userKind } from '../../../application/records/user.ts';
import type { UserId } from '../../../domain/identifiers.ts';
import type { User } from '../../../domain/user.ts';
import { anyToken, leaseIn } from '../../contracts/cache.ts';
import { anyUserId, sampleUser } from '../../contracts/records.ts';
import { proof } from '../../support/proofs.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import { fillUser, MovableClock, openCache, timed, until } from './fixture.ts';

/** What lies under a key is hardly a matter of time, however busy the machine; but 64 MB cost no more than a deadline. */
const patient = { commandTimeoutMs: 1000 };

let server: RedisServer;
let cache: RedisCache;
beforeAll(async () => {
  server = await openRedis();
  cache = await openCache(server.address, patient);
});
afterAll(async () => {
  await cache[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const nameOf = (id: string): string => `kith:user:id:${id}`;
const other = sampleUser(anyUserId());
/** What a value that is in order begins with, and the rest of it. */
const header = 'V1:0123abcd 100:100: ';
const encoded = (id: string, fields: Partial<User> = {}): string =>
  userKind.codec.encode({ ...other, id: id as UserId, ...fields }, id);

/** What may lie under a user's key, put there by others. */
const unreadable: readonly (readonly [string, (id: string) => readonly string[]])[] = [
  ['a list', (id) => ['RPUSH', nameOf(id), 'x']],
  ['a hash', (id) => ['HSET', nameOf(id), 'x', 'y']],
  ['garbage', (id) => ['SET', nameOf(id), '\u0000garbage']],
  ['cut JSON', (id) => ['SET', nameOf(id), `${header}{"id":`]],
  ['a header alone', (id) => ['SET', nameOf(id), header]],
  ['half a header', (id) => ['SET', nameOf(id), header.slice(0, 14)]],
  ['a value without a header', (id) => ['SET', nameOf(id), `V1:${encoded(id)}`]],
  ['a snapshot that is none', (id) => ['SET', nameOf(id), `V1:0123abcd 100:99: ${encoded(id)}`]],
  ['a value whose proof is cut', (id) => ['SET', nameOf(id), `V1:0123abcd 100: ${encoded(id)}`]],
  ['garbage between header and text', (id) => ['SET', nameOf(id), `${header}x${encoded(id)}`]],
  ['another user', (id) => ['SET', nameOf(id), `${header}${encoded(other.id)}`]],
  ['64 MB', (id) => ['SETRANGE', nameOf(id), `${64 * 1024 * 1024 - 1}`, 'x']],
  [
    'a value over the limit',
    (id) => ['SET', nameOf(id), `${header}${encoded(id, { bio: 'ä'.repeat(140_000) })}`],
  ],
];

/** What the server has sent since its start. */
const bytesSent = async (): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(String(await server.command('INFO', 'stats')))?.[1]);

describe.each(unreadable)('%s under a key', (_what, put) => {
  it('is a miss that is dropped, counted, and filled again', async () => {
    const user = sampleUser(anyUserId());
    await server.command(...put(user.id));
    expect((await cache.of(userKind).inspect(user.id)).map(({ state }) => state)).toEqual(['unreadable']);
    const before = cache.counters().unreadable;
    const sentBefore = await bytesSent();
    const read = await cache.of(userKind).read(user.id);
    // Of a large one no more is sent than what may be a value.
    expect((await bytesSent()) - sentBefore).toBeLessThan(1024 * 1024);
    expect(cache.counters().unreadable).toBe(before + 1);
    expect(await cache.of(userKind).fill(leaseIn(read), user, proof)).toBe(true);
    expect(await cache.of(userKind).read(user.id)).toMatchObject({ state: 'hit', value: user });
  });

  it('is a miss in a batch, and spoils none of its neighbours for good', async () => {
    const neighbour = await fillUser(cache);
    const id = anyUserId();
    await server.command(...put(id));
    const reads = await timed(cache.of(userKind).readMany([id, neighbour.id]));
    // One deadline, and not one for each.
    expect(reads.ms).toBeLessThan(2 * patient.commandTimeoutMs);
    expect(reads.value[0]?.state).not.toBe('hit');
    await until(
      async () => (await cache.of(userKind).readMany([id, neighbour.id]))[1]?.state === 'hit',
      5000,
    );
    await until(async () => Number(await server.command('STRLEN', nameOf(id)).catch(() => 1e9)) < 100, 3000);
  });

  it('gives way to a fence, to a release and to a replay', async () => {
    const [fenced, released, replayed] = [anyUserId(), anyUserId(), anyUserId()];
    for (const id of [fenced, released, replayed]) await server.command(...put(id));
    expect(await cache.of(userKind).fence(fenced, anyToken())).toBe(true);
    expect((await cache.of(userKind).read(fenced)).state).toBe('fenced');
    expect(await cache.of(userKind).release(released, anyToken())).toBe(true);
    expect(await cache.of(userKind).replay(replayed)).toBe(true);
    for (const id of [released, replayed]) expect(await server.command('EXISTS', nameOf(id))).toBe(0);
  });
});

describe('what is written', () => {
  it('names no email, username or phone, and nobody can guess a name without the key', async () => {
    const user = sampleUser(anyUserId());
    const emails = cache.of(pointers.email);
    const usernames = cache.of(pointers.username);
    const phones = cache.of(pointers.phone);
    for (const [port, key] of [
      [emails, user.email],
      [usernames, user.username],
      [phones, user.phone ?? ''],
    ] as const) {
      await port.fill(leaseIn(await port.read(key)), user.id);
    }
    const names = JSON.stringify(await server.command('KEYS', '*'));
    expect(names).toMatch(/kith:user:email:[\w-]{22}"/);
    for (const personal of [user.email, user.username, user.phone ?? ''])
      expect(names).not.toContain(personal);
    const { Secret } = await import('../../../domain/secret.ts');
    const strange = await openCache(server.address, { ...patient, hmacKey: new Secret('another key') });
    expect((await strange.of(pointers.email).read(user.email)).state).toBe('leased');
    await strange[Symbol.asyncDispose]();
  });

  it('follows the grammar of names', async () => {
    const id = anyUserId();
    const users = cache.of(userKind);
    const profiles = cache.of(profileKind);
    const contacts = cache.of(contactKind);
    const lists = cache.of(listKind);
    const pages = cache.of(pageKind);
    await Promise.all([
      users.read(id),
      profiles.read(id),
      contacts.read(`c:${id}`),
      lists.read(id),
      pages.read(`${id}:g:20`),
    ]);
    const names = await server.command('KEYS', `*${id}*`);
    expect(Array.isArray(names) && names.sort()).toEqual(
      [
        `contact:c:user:${id}`,
        `contacts:${id}`,
        `contacts:${id}:g:20`,
        `user:id:${id}`,
        `user:profile:${id}`,
      ].map((name) => `kith:${name}`),
    );
  });

  it('lives its time, 10 % more or less, and not all of it the same', async () => {
    const users = await Promise.all(Array.from({ length: 60 }, () => fillUser(cache)));
    const ttls = await Promise.all(
      users.map(async ({ id }) => Number(await server.command('PTTL', nameOf(id)))),
    );
    expect(Math.min(...ttls)).toBeGreaterThan(268_000);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(330_000);
    expect(Math.max(...ttls) - Math.min(...ttls)).toBeGreaterThan(30_000);
  });

  it('is never larger than the limit; the lease of a larger value is given back', async () => {
    const user = { ...sampleUser(anyUserId()), bio: 'x'.repeat(300_000) };
    const lease = leaseIn(await cache.of(userKind).read(user.id));
    expect(await cache.of(userKind).fill(lease, user, proof)).toBe(false);
    expect((await cache.of(userKind).read(user.id)).state).toBe('leased');
  });
});

it('a fill is not even sent when its lease is old on our own clock', async () => {
  const clock = new MovableClock();
  await using late = await openCache(server.address, patient, clock);
  const user = sampleUser(anyUserId());
  const lease = leaseIn(await late.of(userKind).read(user.id));
  clock.move(5001);
  expect(await late.of(userKind).fill(lease, user, proof)).toBe(false);
  expect(await server.command('GET', nameOf(user.id))).toBe(`L:${lease.token}`);
});

describe('batches', () => {
  it('of 500 keys, five at once, neither fill the queue nor open the circuit', async () => {
    const batches = Array.from({ length: 5 }, () => Array.from({ length: 500 }, anyUserId));
    const reads = await Promise.all(batches.map((keys) => cache.of(userKind).readMany(keys)));
    expect(cache.inUse()).toBe(true);
    expect(cache.counters().failures['queue-full']).toBeUndefined();
    for (const batch of reads) for (const { state } of batch) expect(['leased', 'filling']).toContain(state);
  });
});

describe('clear', () => {
  it('replays every key under the prefix, with fences left, and no other', async () => {
    const odd = await openCache(server.address, {
      keyPrefix: 'od[d]*:',
      poolSize: 3,
      ...patient,
    });
    const users = await Promise.all(Array.from({ length: 600 }, () => fillUser(odd)));
    const fenced = anyUserId();
    await odd.of(userKind).fence(fenced, anyToken());
    const kept = await fillUser(cache);
    await server.command('SET', 'odd:x', 'not ours');
    expect(await odd.clear()).toBe(true);
    expect((await odd.of(userKind).read(users[0]?.id ?? '')).state).toBe('leased');
    expect((await odd.of(userKind).read(fenced)).state).toBe('fenced');
    expect((await cache.of(userKind).read(kept.id)).state).toBe('hit');
    expect(await server.command('GET', 'odd:x')).toBe('not ours');
    await odd[Symbol.asyncDispose]();
  });
});

it('health tells the latency and the memory used', async () => {
  const health = await cache.health();
  expect(health.circuit).toBe('closed');
  expect(health.latencyMs).toBeGreaterThan(0);
  expect(health.memoryUsedBytes).toBeGreaterThan(100_000);
});

it('scripts that Redis forgot are sent again', async () => {
  const user = await fillUser(cache);
  await server.command('SCRIPT', 'FLUSH');
  expect(await cache.of(userKind).release(user.id, anyToken())).toBe(true);
  await server.command('SCRIPT', 'FLUSH');
  await fillUser(cache);
});
