import { Container } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import type { Application } from '../../application/application.ts';
import { defaultConfig } from '../../composition/config.ts';
import { kithModule } from '../../composition/container.ts';
import { services } from '../../composition/services.ts';
import type { Caches } from '../../domain/ports/cache.ts';
import { Secret } from '../../domain/secret.ts';
import type { User } from '../../domain/user.ts';
import { email } from '../support/fixtures.ts';

const password = 'correct horse battery staple';
const address = email('shared@example.com');
const key = { kind: 'email', value: address } as const;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** What a cached email, username or phone leads to, when it has moved to another person meanwhile. */
describe('a pointer', () => {
  let kith: ReturnType<typeof kithModule>;
  let application: Application;
  let caches: Caches;
  beforeEach(async () => {
    kith = kithModule(defaultConfig(), {
      database: memoryDatabase(),
      log: silent,
      secrets: [new Secret('host')],
    });
    const container = new Container({ jitless: true });
    container.load(kith.module);
    application = await container.getAsync(services.application);
    caches = await container.getAsync(services.caches);
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
    await caches.emails.replay(address);
    const read = await caches.emails.read(address);
    if (read.state !== 'leased') throw new Error(read.state);
    expect(await caches.emails.fill(read.lease, ann.id)).toBe(true);
    expect([await found(), await found()]).toEqual(['bob', 'bob']);
    const healed = await caches.emails.read(address);
    expect(healed.state === 'hit' && healed.value).not.toBe(ann.id);
  });
});
