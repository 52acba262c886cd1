import { expect, it, onTestFinished } from 'vitest';
import { listen } from '../../adapters/http/listen.ts';
import { defaultConfig } from '../../composition/config.ts';
import { Secret } from '../../domain/secret.ts';
import { join, openHouse, password } from './support.ts';

const open = async (
  limits: { logIns: number; registrations: number },
  trustedProxies: readonly string[] = [],
) => {
  const config = defaultConfig();
  const house = await openHouse(
    {},
    {
      ...config,
      http: {
        ...config.http,
        trustedProxies,
        logInsPerMinute: limits.logIns,
        registrationsPerMinute: limits.registrations,
      },
    },
  );
  await join(house.useCases, 'ada');
  const server = await listen(house.http.fetch, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const send = async (
    path: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
    method = 'POST',
  ) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    await response.text();
    return response;
  };
  return { ...house, send };
};

const logIn = { identifier: 'ada', password };

it('one address may log in and register so often a minute, and then hears for how long not', async () => {
  const { send, hasher } = await open({ logIns: 4, registrations: 2 });
  for (let n = 0; n < 4; n++) expect((await send('/auth/login', logIn)).status).toBe(200);
  const refused = await send('/auth/login', logIn);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  // Before any work is done for it.
  expect(hasher.verified).toHaveLength(4);
  // What is counted is the asking, whatever comes of it.
  for (let n = 0; n < 2; n++) expect((await send('/auth/register', {})).status).toBe(422);
  expect((await send('/auth/register', {})).status).toBe(429);
});

it('no header makes another address of one that is not trusted', async () => {
  const { send } = await open({ logIns: 3, registrations: 1 });
  const statuses: number[] = [];
  for (let n = 0; n < 5; n++) {
    const forged = `192.0.2.${n}`;
    const headers = { 'x-forwarded-for': forged, forwarded: `for=${forged}`, 'x-real-ip': forged };
    statuses.push((await send('/auth/login', logIn, headers)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
});

it('behind a trusted proxy each client has its own count, and cannot choose it', async () => {
  const { send } = await open({ logIns: 2, registrations: 1 }, ['127.0.0.0/8']);
  const as = async (forwarded: string) =>
    (await send('/auth/login', logIn, { 'x-forwarded-for': forwarded })).status;
  expect([await as('192.0.2.1'), await as('192.0.2.1'), await as('192.0.2.1')]).toEqual([200, 200, 429]);
  expect(await as('192.0.2.2')).toBe(200);
  expect(await as('203.0.113.9, 192.0.2.1')).toBe(429);
  // All of a /64 is one customer.
  expect([await as('2001:db8::1'), await as('2001:db8::2'), await as('2001:db8::3')]).toEqual([
    200, 200, 429,
  ]);
});

it('an account’s limit is told over HTTP with Retry-After, to its own origin only', async () => {
  const { send } = await open({ logIns: 0, registrations: 0 }, ['127.0.0.1']);
  const wrong = { identifier: 'ada', password: 'wrong horse battery staple' };
  const from = (address: string) => ({ 'x-forwarded-for': address });
  for (let n = 0; n < 5; n++) expect((await send('/auth/login', wrong, from('192.0.2.1'))).status).toBe(401);
  const refused = await send('/auth/login', logIn, from('192.0.2.1'));
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('5');
  expect((await send('/auth/login', logIn, from('192.0.2.2'))).status).toBe(200);
});

it('whoever presents a password to a route of their own is under the limit of log-ins, for it costs a hash too', async () => {
  const { send, useCases, hasher } = await open({ logIns: 3, registrations: 0 });
  const session = await useCases.logIn({ identifier: 'ada', password });
  if (!session.ok) throw new Error(session.error.code);
  const headers = { authorization: `Bearer ${Secret.reveal(session.value.token)}` };
  const patch = async (body: object) => (await send('/me', body, headers, 'PATCH')).status;
  hasher.verified.length = 0;
  for (let n = 0; n < 10; n++) expect(await patch({ bio: `${n}` })).toBe(200);
  expect(hasher.verified).toHaveLength(0);
  const wrong = 'wrong horse battery staple';
  expect(await patch({ bio: 'x', current_password: wrong })).toBe(403);
  expect(await patch({ bio: 'x', current_password: password })).toBe(200);
  const change = { current_password: wrong, new_password: 'another horse battery staple' };
  expect((await send('/me/password', change, headers, 'PUT')).status).toBe(403);
  expect((await send('/me/password', change, headers, 'PUT')).status).toBe(429);
  expect((await send('/me/deactivate', { password }, headers)).status).toBe(429);
  expect(await patch({ bio: 'x', current_password: password })).toBe(429);
  expect((await send('/auth/login', logIn)).status).toBe(429);
  expect(hasher.verified).toHaveLength(3);
  expect(await patch({ bio: 'still here' })).toBe(200);
});
