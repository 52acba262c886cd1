/** A test of a host: its own clock and log, and a database and cache in memory. `vitest run swap-adapters.test.ts` */
import { compose, configFrom, Secret } from '@kith/kith';
import { ManualClock, memoryDatabase } from '@kith/kith/testing';
import { expect, it } from 'vitest';

const ann = { email: 'ann@example.com', username: 'ann', password: 'a long pass phrase' };

it('ends a session after a quarter of an hour, without waiting for it', async () => {
  const clock = new ManualClock();
  const config = configFrom({ LOG_LEVEL: 'silent', JWT_TTL: '900' });
  await using kith = await compose(config, { database: memoryDatabase(), clock });

  const session = await kith.useCases.register(ann);
  if (!session.ok) throw new Error(session.error.code);
  const token = Secret.reveal(session.value.token);
  expect((await kith.useCases.authenticate(token)).ok).toBe(true);

  await clock.advance(901_000);
  expect(await kith.useCases.authenticate(token)).toEqual({ ok: false, error: { code: 'invalid-token' } });
});

it('tells the log nothing about a user', async () => {
  const events: unknown[] = [];
  const log = { info: save, warn: save, error: save };
  function save(event: string, fields?: object): void {
    events.push({ event, ...fields });
  }
  await using kith = await compose(configFrom({}), { database: memoryDatabase(), log });
  await kith.useCases.register(ann);
  await kith.useCases.logIn({ identifier: 'ann', password: 'a wrong pass phrase' });
  expect(JSON.stringify(events)).not.toMatch(/ann|phrase/);
});
