import { expect, it } from 'vitest';
import { openWorld } from '../adapters/http/world.ts';

const ask = async (listener: 'fetch' | 'ops', host: string): Promise<number> => {
  const { http } = await openWorld();
  return (await http[listener](new Request('http://kith.test/health/live', { headers: { host } }))).status;
};

it.each([
  '127.0.0.1',
  '127.0.0.1:3001',
  '10.0.0.7:3001',
  '[::1]:3001',
  'localhost:3001',
  'kith:3001',
  'a.localhost',
  'kith.local',
  'x.svc.cluster.local:3001',
  'metrics.internal',
])('the operations listener answers to %s, an address or a name that is never public', async (host) => {
  expect(await ask('ops', host)).toBe(200);
});

it.each([
  'evil.example',
  'evil.example:3001',
  'EVIL.example.',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '127.0.0.1.nip.io',
  'local.example',
])(
  'it refuses %s, to which a page on the internet may point a browser next to us (DNS rebinding)',
  async (host) => {
    expect(await ask('ops', host)).toBe(400);
    // Without a token there is nothing to be had from the other one.
    expect(await ask('fetch', host)).toBe(200);
  },
);
