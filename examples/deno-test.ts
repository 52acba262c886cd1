/** The same with the runner of Deno: `deno test --allow-all examples/deno-test.ts` */
import assert from 'node:assert/strict';
import { compose, configFrom } from '@kith/kith';
import { ManualClock, memoryDatabase, quickHasher } from '@kith/kith/testing';

Deno.test('lets nobody in with a wrong password, and everybody who knows theirs', async () => {
  const overrides = { database: memoryDatabase(), clock: new ManualClock(), hasher: quickHasher };
  await using kith = await compose(configFrom({ LOG_LEVEL: 'silent' }), overrides);

  const ann = { email: 'ann@example.com', username: 'ann', password: 'a long pass phrase' };
  assert.equal((await kith.useCases.register(ann)).ok, true);
  const wrong = await kith.useCases.logIn({ identifier: 'ann', password: 'another pass phrase' });
  assert.deepEqual(wrong, { ok: false, error: { code: 'invalid-credentials' } });
  const right = await kith.useCases.logIn({ identifier: 'ann', password: ann.password });
  assert.equal(right.ok, true);
});
