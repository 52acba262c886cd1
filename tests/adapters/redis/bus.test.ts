import { expect, it } from 'vitest';
import { RedisBus } from '../../../adapters/redis/bus.ts';
import { openClient } from '../../../adapters/redis/client.ts';
import type { RedisAddress } from '../../../adapters/redis/redis-url.ts';
import { systemClock } from '../../../adapters/system/clock.ts';
import { contacts as contactKind } from '../../../application/records/contact.ts';
import { lists as listKind } from '../../../application/records/contact-list.ts';
import { keyOf } from '../../../application/records/keys.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { profiles as profileKind } from '../../../application/records/profile.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { anyToken } from '../../contracts/cache.ts';
import { anyUserId } from '../../contracts/records.ts';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { openRedis } from '../../support/redis-server.ts';
import { fillUser, kept, openCache, openLog, runtime, until } from './fixture.ts';

const boundMs = 500;

/** A bus that writes down what it says. */
const listenTo = (address: RedisAddress) => {
  const heard: string[] = [];
  const proofs: { sentAtMs: number; heardAtMs: number; heard: number }[] = [];
  let interruptions = 0;
  const { log, lines } = openLog();
  const bus = kept(
    new RedisBus(
      { open: () => openClient(address), keyPrefix: 'kith:', maxStalenessMs: boundMs },
      runtime(undefined, log),
    ),
  );
  bus.listen({
    invalidated: (kind, key) => void heard.push(`${kind} ${key}`),
    proved: ({ monotonicMs: sentAtMs }) => {
      proofs.push({ sentAtMs, heardAtMs: systemClock.monotonicMs(), heard: heard.length });
    },
    interrupted: () => void interruptions++,
  });
  const provenSince = (ms: number) => () => (proofs.at(-1)?.sentAtMs ?? 0) > ms;
  return { bus, heard, proofs, lines, provenSince, interruptions: () => interruptions };
};

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('hears fences and replays of other processes by kind and key, and no email', async () => {
  const server = kept(await openRedis());
  const { heard, proofs } = listenTo(server.address);
  const cache = kept(await openCache(server.address));
  await until(() => proofs.length > 0, 1000);
  const id = anyUserId();
  const users = cache.of(userKind);
  const profiles = cache.of(profileKind);
  const contacts = cache.of(contactKind);
  const lists = cache.of(listKind);
  const emails = cache.of(pointers.email);
  await users.fence(id, anyToken());
  await profiles.replay(id);
  await contacts.fence(keyOf('c', id), anyToken());
  await lists.fence(id, anyToken());
  await emails.fence('person@example.com', anyToken());
  await emails.replay('person@example.com');
  await users.release(id, anyToken());
  await cache.clear();
  await until(() => heard.length >= 5, 1000);
  await sleep(50);
  expect(heard).toEqual([`users ${id}`, `profiles ${id}`, `contacts c:${id}`, `lists ${id}`, 'everything *']);
});

it('hears a key again when its fence was gone at the release, since some memory may have read the old value', async () => {
  const server = kept(await openRedis());
  const { heard, proofs } = listenTo(server.address);
  const cache = kept(await openCache(server.address));
  await until(() => proofs.length > 0, 1000);
  const users = cache.of(userKind);
  const [intact, lost] = [anyUserId(), anyUserId()];
  for (const id of [intact, lost]) await users.fence(id, 'mine');
  await server.command('DEL', `kith:user:id:${lost}`);
  for (const id of [intact, lost]) expect(await users.release(id, 'mine')).toBe(true);
  await until(() => heard.length >= 3, 1000);
  expect(heard).toEqual([`users ${intact}`, `users ${lost}`, `users ${lost}`]);
});

it('passes on what it does not understand, which whoever listens takes for everything', async () => {
  const server = kept(await openRedis());
  const { heard, proofs } = listenTo(server.address);
  await until(() => proofs.length > 0, 1000);
  for (const message of ['sessions 1', 'hello', 'constructor x'])
    await server.command('PUBLISH', 'kith:bus', message);
  await until(() => heard.length === 3, 1000);
  expect(heard.map((line) => line.trim())).toEqual(['sessions 1', 'hello', 'constructor x']);
});

it('proves again and again, never more than a fifth of the bound and a round trip old', async () => {
  const server = kept(await openRedis());
  const { proofs } = listenTo(server.address);
  await until(() => proofs.length > 0, 1000);
  await sleep(1500);
  expect(proofs.length).toBeGreaterThanOrEqual(12);
  const gaps = proofs.slice(1).map(({ sentAtMs }, i) => sentAtMs - (proofs[i]?.sentAtMs ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(boundMs / 2);
});

it('proves with the time at which the ping was sent, not that of its answer', async () => {
  const server = kept(await openRedis());
  const proxy = kept(await openFaultProxy(server.address));
  const { proofs } = listenTo({ ...server.address, port: proxy.port });
  await until(() => proofs.length > 0, 1000);
  proxy.set({ latencyMs: 150 });
  await sleep(600);
  const { sentAtMs, heardAtMs } = proofs.at(-1) ?? { sentAtMs: 0, heardAtMs: 0 };
  expect(heardAtMs - sentAtMs).toBeGreaterThanOrEqual(295);
});

it('has heard everything that was published before the ping that proves it: 40 rounds of 100 messages', async () => {
  const server = kept(await openRedis());
  const { heard, proofs } = listenTo(server.address);
  // A pause of this machine is no outage here.
  const cache = kept(await openCache(server.address, { commandTimeoutMs: 2_000 }));
  await until(() => proofs.length > 0, 1000);
  let published = 0;
  const marks: { atMs: number; published: number }[] = [];
  for (let round = 0; round < 40; round++) {
    const fence = () => cache.of(userKind).fence(anyUserId(), anyToken());
    const confirmed = await Promise.all(Array.from({ length: 100 }, fence));
    // One that was not answered in time may or may not have been published, in a pause of this machine.
    published += confirmed.filter((each) => each).length;
    marks.push({ atMs: systemClock.monotonicMs(), published });
    await sleep(Math.random() * 20);
  }
  const lastMs = marks.at(-1)?.atMs ?? 0;
  await until(() => (proofs.at(-1)?.sentAtMs ?? 0) > lastMs, 1000);
  expect(published).toBeGreaterThan(2_000);
  expect(heard.length).toBeGreaterThanOrEqual(published);
  for (const proof of proofs) {
    const due = marks.filter(({ atMs }) => atMs <= proof.sentAtMs).at(-1)?.published ?? 0;
    expect(proof.heard).toBeGreaterThanOrEqual(due);
  }
});

it('says that it was interrupted, when the connection is lost and when there is a new one', async () => {
  const server = kept(await openRedis());
  const proxy = kept(await openFaultProxy(server.address));
  const { proofs, heard, interruptions, provenSince } = listenTo({ ...server.address, port: proxy.port });
  await until(() => proofs.length > 0, 1000);
  expect(interruptions()).toBe(1);
  proxy.reset();
  await until(() => interruptions() === 2, 500);
  await until(() => interruptions() === 3, 2000);
  await until(provenSince(systemClock.monotonicMs()), 1000);
  await server.command('PUBLISH', 'kith:bus', 'users 1');
  await until(() => heard.length === 1, 500);
});

it('proves nothing in a black hole, and gives the connection up after 2 s', async () => {
  const server = kept(await openRedis());
  const proxy = kept(await openFaultProxy(server.address));
  const { proofs, interruptions, provenSince } = listenTo({ ...server.address, port: proxy.port });
  await until(() => proofs.length > 0, 1000);
  proxy.set('black-hole');
  await sleep(20);
  const before = proofs.length;
  const fellAtMs = systemClock.monotonicMs();
  await until(() => interruptions() === 2, 3000);
  expect(systemClock.monotonicMs() - fellAtMs).toBeGreaterThan(1800);
  expect(proofs.length).toBe(before);
  proxy.set('pass');
  await until(provenSince(systemClock.monotonicMs()), 2000);
  expect(interruptions()).toBe(3);
});

it('proves nothing while Redis hangs; what the answer proves afterwards is as old as its ping', async () => {
  const server = kept(await openRedis());
  const { proofs } = listenTo(server.address);
  await until(() => proofs.length > 0, 1000);
  server.hang();
  await sleep(50);
  const before = proofs.length;
  await sleep(800);
  expect(proofs.length).toBe(before);
  server.resume();
  await until(() => proofs.length > before, 1000);
  const first = proofs[before];
  expect((first?.heardAtMs ?? 0) - (first?.sentAtMs ?? 0)).toBeGreaterThan(600);
});

it('survives a stall of its own process longer than its patience', async () => {
  const server = kept(await openRedis());
  const { proofs, interruptions, provenSince } = listenTo(server.address);
  await until(() => proofs.length > 3, 1000);
  const untilMs = performance.now() + 2300;
  while (performance.now() < untilMs);
  await until(provenSince(systemClock.monotonicMs()), 1000);
  expect(interruptions()).toBe(1);
});

it('waits for a Redis that is not there yet', async () => {
  const server = kept(await openRedis([], false));
  const { proofs, interruptions } = listenTo(server.address);
  await sleep(300);
  expect([proofs.length, interruptions()]).toEqual([0, 0]);
  await server.start();
  await until(() => proofs.length > 0, 2000);
  expect(interruptions()).toBe(1);
});

it('a replay is heard only when the key is gone, also from a Redis that forgot its scripts', async () => {
  const server = kept(await openRedis());
  const cache = kept(await openCache(server.address));
  const found: string[] = [];
  const bus = kept(
    new RedisBus(
      { open: () => openClient(server.address), keyPrefix: 'kith:', maxStalenessMs: boundMs },
      runtime(),
    ),
  );
  let isProved = false;
  const reads: Promise<unknown>[] = [];
  bus.listen({
    invalidated: (_kind, key) =>
      void reads.push(
        cache
          .of(userKind)
          .read(key)
          .then(({ state }) => found.push(state)),
      ),
    proved: () => {
      isProved = true;
    },
    interrupted: () => undefined,
  });
  await until(() => isProved, 1000);
  for (let i = 0; i < 100; i++) {
    const user = await fillUser(cache);
    await server.command('SCRIPT', 'FLUSH');
    await cache.of(userKind).replay(user.id);
  }
  await until(() => reads.length === 100, 1000);
  await Promise.all(reads);
  expect(new Set(found)).toEqual(new Set(['leased']));
}, 30_000);
