import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { systemClock } from '../../../adapters/system/clock.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import type { Application } from '../../../application/application.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { compose, type Kith } from '../../../composition/compose.ts';
import { defaultConfig } from '../../../composition/config.ts';
import type { Caches } from '../../../domain/ports/cache.ts';
import type { User } from '../../../domain/user.ts';
import { email } from '../../support/fixtures.ts';

const password = 'correct horse battery staple';
const address = email('shared@example.com');
const key = { kind: 'email', value: address } as const;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** What a cached email, username or phone leads to, when it has moved to another person meanwhile. */
describe('a pointer', () => {
  let kith: Kith;
  let application: Application;
  let caches: Caches;
  beforeEach(async () => {
    const cache = new MemoryCache({
      kinds: recordKinds(),
      clock: systemClock,
      ids: systemIds,
      maxEntries: 100,
    });
    kith = await compose(defaultConfig(), { database: memoryDatabase(), cache, log: silent });
    application = kith.useCases;
    caches = cache;
  });
  afterEach(() => kith[Symbol.asyncDispose]());

  const register = async (name: string, at: string): Promise<User> => {
    const session = await application.register({ email: at, username: name, password });
    if (!session.ok) throw new Error(session.error.code);
    return session.value.user;
  };
  const found = async (): Promise<string | undefined> => {
    const read = await application.getUser(key);
    return read.ok ? read.value.value.username : undefined;
  };

  it('never answers with who gave the email up', async () => {
    const ann = await register('ann', address);
    expect([await found(), await found()]).toEqual(['ann', 'ann']);
    const moved = await application.changeProfile(ann.id, {
      email: 'elsewhere@example.com',
      currentPassword: password,
    });
    expect(moved.ok).toBe(true);
    expect(await found()).toBeUndefined();
    await register('bob', address);
    expect([await found(), await found()]).toEqual(['bob', 'bob']);
  });

  it('that leads to another person, however it came to be, is dropped and the database asked', async () => {
    const ann = await register('ann', 'ann@example.com');
    await register('bob', address);
    await caches.of(pointers.email).replay(address);
    const read = await caches.of(pointers.email).read(address);
    if (read.state !== 'leased') throw new Error(read.state);
    expect(await caches.of(pointers.email).fill(read.lease, ann.id)).toBe(true);
    expect([await found(), await found()]).toEqual(['bob', 'bob']);
    const healed = await caches.of(pointers.email).read(address);
    expect(healed.state === 'hit' && healed.value).not.toBe(ann.id);
  });
});
