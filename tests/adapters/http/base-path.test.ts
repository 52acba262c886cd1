import { describe, expect, it } from 'vitest';
import { listen } from '../../../adapters/http/listen.ts';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { compose } from '../../../composition/compose.ts';
import { configFrom, defaultConfig } from '../../../composition/config.ts';
import { silentLog } from '../mikro-orm/support.ts';
import { exchange } from './raw.ts';
import { at, openWorld, password } from './world.ts';

describe('below a base path', () => {
  const basePath = '/team/kith';
  const open = () => openWorld({}, { basePath });

  // A proxy may hand on the whole path, or take the base away.
  it.each([basePath, ''])('everything is served that arrives as %j and our path', async (before) => {
    const world = await open();
    const joined = await world.send('POST', `${before}/auth/register`, {
      json: { email: 'ann@example.com', username: 'ann', password },
    });
    expect(joined.status).toBe(201);
    const token = at(joined.json, 'access_token');
    const added = await world.send('POST', `${before}/contacts`, { token, json: { first_name: 'Bob' } });
    expect(added.status).toBe(201);
    const location = added.headers.get('location') ?? '';
    expect(location).toMatch(/^\/team\/kith\/contacts\/[0-9a-f-]{36}$/);
    expect((await world.send('GET', location, { token })).status).toBe(200);
    const page = await world.send('GET', `${before}/contacts?q=bob`, { token });
    expect(page.json).toMatchObject({ total: 1 });
  });

  it('problems, the document and the pages lead to where clients find them', async () => {
    const world = await open();
    for (const path of ['/team/kith/nowhere', '/nowhere', '/team/kith', '/team/kithen/docs']) {
      const answer = JSON.parse(
        await (await world.http.fetch(new Request(`http://kith.test${path}`))).text(),
      );
      expect(answer).toMatchObject({ status: 404, type: '/team/kith/problems/not-found' });
    }
    const document = await world.send('GET', '/team/kith/openapi.json');
    expect(document.json).toMatchObject({ servers: [{ url: '/team/kith' }] });
    const docs = await world.send('GET', '/team/kith/docs');
    const links = [...docs.text.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(20);
    for (const link of new Set(links.filter((link) => !link.startsWith('data:')))) {
      const { pathname } = new URL(link, 'http://kith.test/team/kith/docs');
      expect(pathname).toMatch(/^\/team\/kith\//);
      expect((await world.send('GET', pathname)).status, link).toBe(200);
    }
  });

  it('bytes that are no request are answered with it too', async () => {
    const server = await listen(async () => new Response(), { host: '127.0.0.1', port: 0 }, { basePath });
    expect(await exchange(server.port, 'no request\r\n\r\n')).toContain(
      '"/team/kith/problems/malformed-request"',
    );
    await server.close(100);
  });

  it('which comes from BASE_PATH, and must not look like a path of ours', async () => {
    const over = { database: memoryDatabase(), log: silentLog };
    const kith = await compose(configFrom({ BASE_PATH: '/team' }), over);
    const answer = await kith.fetch(new Request('http://kith.test/team/nowhere'));
    expect(await answer.json()).toMatchObject({ type: '/team/problems/not-found' });
    await kith.close();
    const config = defaultConfig();
    const clash = { ...config, http: { ...config.http, basePath: '/me/too' } };
    await expect(compose(clash, { ...over, database: memoryDatabase() })).rejects.toThrow(/BASE_PATH/);
  });
});
