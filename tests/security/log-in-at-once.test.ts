import { expect, it } from 'vitest';
import { compose } from '../../composition/compose.ts';
import { configFrom } from '../../composition/config.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';
import { quickHasher } from '../support/quick-hasher.ts';

it('lets in all who log in at once to a fresh account with the right password', async () => {
  await using server = await createTestDatabase();
  const config = configFrom({
    DATABASE_URL: urlOf(server.address),
    JWT_SECRET: 'a secret of the tests, 40 characters long',
  });
  await using one = await compose(config, { hasher: quickHasher, log: silentLog });
  await using another = await compose(config, { hasher: quickHasher, log: silentLog });
  for (const kith of [one, another]) expect(await kith.ready()).toBe(true);
  const outcomes: string[] = [];
  for (let n = 0; n < 50; n++) {
    const [username, password] = [`user${n}`, 'correct horse battery staple'];
    const fields = { username, email: `${username}@example.com`, password };
    expect((await one.useCases.register({ ...fields, origin: 'there' })).ok).toBe(true);
    const logIns = [one, another].map(({ useCases }) =>
      useCases.logIn({ identifier: username, password, origin: 'here' }),
    );
    for (const done of await Promise.all(logIns)) outcomes.push(done.ok ? 'ok' : done.error.code);
  }
  expect(outcomes).toEqual(Array.from({ length: 100 }, () => 'ok'));
}, 60_000);
