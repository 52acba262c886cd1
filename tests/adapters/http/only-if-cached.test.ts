import { expect, it } from 'vitest';
import { at, expectProblem, openWorld } from './world.ts';

const headers = { 'cache-control': 'only-if-cached' };

it('only-if-cached is answered from a cache, or 504 and the database is left alone', async () => {
  const asked: string[] = [];
  const world = await openWorld((real) => ({
    getContact: (...input) => {
      asked.push(String(input[2]));
      return real.getContact(...input);
    },
  }));
  const ada = await world.join('ada');
  const added = await ada.send('POST', '/contacts', { json: { first_name: 'Grace' } });
  const contact = `/contacts/${at(added.json, 'id')}`;
  const paths = [contact, '/contacts', `/users/${ada.id}`, '/users/by-username/ada'];
  for (const path of paths) {
    expectProblem(await ada.send('GET', path, { headers }), 504, 'not-cached');
    // Nobody filled it meanwhile.
    expectProblem(await ada.send('GET', path, { headers }), 504, 'not-cached');
    expect((await ada.send('GET', path)).status).toBe(200);
    const hit = await ada.send('GET', path, { headers: { 'cache-control': 'max-age=0, Only-If-Cached' } });
    expect([hit.status, hit.headers.get('cache-status')]).toEqual([200, 'kith; hit; detail=memory']);
  }
  // A search is never cached.
  expectProblem(await ada.send('GET', '/contacts?q=grace', { headers }), 504, 'not-cached');
  // The database was asked for more than that.
  const both = await ada.send('GET', contact, { headers: { 'cache-control': 'no-cache, only-if-cached' } });
  expect(both.headers.get('cache-status')).toBe('kith; fwd=bypass');
  expect(new Set(asked)).toEqual(new Set(['cached', 'bounded', 'authoritative']));
});

it('the caller too is taken from a cache alone, which refuses nobody', async () => {
  const world = await openWorld();
  const ada = await world.join('ada');
  const boss = await world.joinAsAdmin('boss');
  const me = () => ada.send('GET', '/me', { headers });
  await boss.send('DELETE', `/admin/cache/users/${ada.id}`);
  expectProblem(await me(), 504, 'not-cached');
  await ada.send('GET', '/me');
  expect((await me()).status).toBe(200);
  await ada.send('POST', '/me/sign-out-everywhere');
  // Not 401: only the database may refuse a token.
  expectProblem(await me(), 504, 'not-cached');
  expectProblem(await ada.send('GET', '/me'), 401, 'invalid-token');
  await expect(ada.send('GET', '/me', { token: 'x', headers })).resolves.toMatchObject({ status: 401 });
});

it('a look-up of administrators, which is a POST, is answered as ever', async () => {
  const boss = await (await openWorld()).joinAsAdmin('boss');
  const json = { usernames: ['boss', 'nobody'] };
  const found = await boss.send('POST', '/admin/users/lookup', { json, headers });
  expect(found.status).toBe(200);
});
