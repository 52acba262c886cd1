import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Container } from 'inversify';
import { afterEach, describe, expect, it } from 'vitest';
import { JoseAccessTokens } from '../../adapters/jose/jose-access-tokens.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { compose, kithModule, kithService, type Overrides } from '../../composition/compose.ts';
import { type Config, configFrom, defaultConfig } from '../../composition/config.ts';
import { Closed, DatabaseUnavailable } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { LogFields } from '../../domain/ports/runtime.ts';
import { Secret } from '../../domain/secret.ts';
import { ManualClock } from '../support/manual-clock.ts';

const silent: Overrides['log'] = { info: () => {}, warn: () => {}, error: () => {} };
const ada = { email: 'ada@example.com', username: 'ada', password: 'correct horse battery staple' };

const watched = (database: Database): { readonly database: Database; readonly closed: () => number } => {
  let closed = 0;
  const close = async (): Promise<void> => {
    closed++;
    await database[Symbol.asyncDispose]();
  };
  return { database: { ...database, [Symbol.asyncDispose]: close }, closed: () => closed };
};

describe('compose', () => {
  it('gives use cases and HTTP over a database that is handed in, without disk or network', async () => {
    await using kith = await compose(defaultConfig(), { database: memoryDatabase(), log: silent });
    const session = await kith.useCases.register(ada);
    if (!session.ok) throw new Error(session.error.code);
    const request = new Request('http://localhost/me', {
      headers: { host: 'localhost', authorization: `Bearer ${Secret.reveal(session.value.token)}` },
    });
    const response = await kith.http.fetch(request);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ email: ada.email, username: ada.username });
  });

  it('serves over the web standard and over node:http, and goes by where a request comes from', async () => {
    const takes: string[] = [];
    const limits = { take: async (_: string, origin: string) => void takes.push(origin) };
    await using kith = await compose(defaultConfig(), { database: memoryDatabase(), log: silent, limits });
    const login = (ip?: string): Promise<Response> => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ identifier: 'nobody', password: 'correct horse battery' });
      const request = new Request('http://localhost/auth/login', { method: 'POST', headers, body });
      return ip === undefined ? kith.fetch(request) : kith.fetch(request, { ip });
    };
    expect((await login('2001:db8:1:2:3::4')).status).toBe(401);
    expect((await login()).status).toBe(401);
    expect(takes).toEqual(['2001:db8:1:2::/64']);

    const server = createServer(kith.toNodeHandler()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = Object(server.address());
    const alive = await fetch(`http://127.0.0.1:${port}/health/live`, { headers: { connection: 'close' } });
    expect(await alive.json()).toEqual({ status: 'alive' });
    await new Promise((resolve) => server.close(resolve));
  });

  it('answers with the status and headers it means where a host has replaced the global Response', async () => {
    const Original = globalThis.Response;
    class Replaced extends Original {}
    await using kith = await compose(defaultConfig(), { database: memoryDatabase(), log: silent });
    globalThis.Response = Replaced;
    try {
      const response = await kith.fetch(new Request('http://localhost/no/such/path'));
      expect(response).toBeInstanceOf(Replaced);
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ code: 'not-found' });
    } finally {
      globalThis.Response = Original;
    }
  });

  it('waits for a database that is starting, for as long as it is told to and no longer', async () => {
    const database = memoryDatabase();
    let pings = 0;
    const ping = async (): Promise<void> => {
      if (++pings < 4) throw new DatabaseUnavailable('the database is starting');
    };
    const clock = new ManualClock();
    const starting = { ...database, health: { ...database.health, ping } };
    await using kith = await compose(defaultConfig(), {
      database: starting,
      log: silent,
      clock,
      timer: clock,
    });
    const impatient = kith.ready(100);
    await clock.advance(100);
    expect(await impatient).toBe(false);
    const patient = kith.ready();
    await clock.advance(1000);
    expect(await patient).toBe(true);
    expect(pings).toBe(4);
  });

  it('replaces any port by what the host brings', async () => {
    const clock = new ManualClock(Date.UTC(2030, 0, 1));
    const database = memoryDatabase();
    const events: [string, LogFields | undefined][] = [];
    const log = { ...silent, info: (event: string, fields?: LogFields) => void events.push([event, fields]) };
    const secrets = [new Secret<'signing-secret'>('a secret of the host')] as const;
    await using kith = await compose(defaultConfig(), { database, log, clock, secrets });
    const session = await kith.useCases.register(ada);
    if (!session.ok) throw new Error(session.error.code);
    expect(session.value.user.createdAtMs).toBe(Date.UTC(2030, 0, 1));
    const same = new JoseAccessTokens({ secrets, ttlSeconds: 900, clock, ids: systemIds });
    expect(await same.verify(Secret.reveal(session.value.token))).toMatchObject({
      userId: session.value.user.id,
    });
  });

  it('closes what it opened and leaves open what was handed in', async () => {
    const { database, closed } = watched(memoryDatabase());
    const kith = await compose(defaultConfig(), { database, log: silent });
    await Promise.all([kith.close(), kith.close()]);
    await kith[Symbol.asyncDispose]();
    expect(closed()).toBe(0);
    await database.health.ping();
  });

  it('says that it was closed, in the answer, in the log, and to use cases', {
    timeout: 60_000,
  }, async () => {
    const warned: string[] = [];
    const log = { ...silent, warn: (event: string) => void warned.push(event) };
    const directory = await mkdtemp(join(tmpdir(), 'kith-closed-'));
    const config = configFrom({ DATA_DIR: directory });
    const kith = await compose(config, { log, secrets: [new Secret<'signing-secret'>('of the host')] });
    await kith.close();
    for (const answer of [kith.fetch, kith.http.ops]) {
      const response = await answer(new Request('http://localhost/health/live'));
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'closed', title: 'Closed' });
    }
    expect(warned).toEqual(['used-after-close', 'used-after-close']);
    await expect(kith.useCases.register(ada)).rejects.toBeInstanceOf(Closed);
    expect(await kith.ready(0)).toBe(false);
    await rm(directory, { recursive: true });
  });

  it('takes the place of no service that is not a port, and says so', async () => {
    const overrides = { database: memoryDatabase(), log: silent, writes: {} };
    await expect(compose(defaultConfig(), overrides)).rejects.toThrow(/there is no port writes/);
  });

  it('takes what is undefined for what is not handed in', async () => {
    const overrides: object = { database: memoryDatabase(), log: silent, clock: undefined };
    await using kith = await compose(defaultConfig(), overrides);
    expect(await kith.useCases.register(ada)).toMatchObject({ ok: true });
  });

  it('says that it is not ready while somebody holds it and once it drains, and serves all the same', async () => {
    await using kith = await compose(defaultConfig(), { database: memoryDatabase(), log: silent });
    const status = async (path: string): Promise<number> => {
      const request = new Request(`http://localhost${path}`, { headers: { host: 'localhost' } });
      return (await kith.http.fetch(request)).status;
    };
    expect(await status('/health/ready')).toBe(200);
    const [one, two] = [kith.hold(), kith.hold()];
    one();
    one();
    expect(await status('/health/ready')).toBe(503);
    two();
    expect(await status('/health/ready')).toBe(200);
    kith.drain();
    expect(await status('/health/ready')).toBe(503);
    expect(await status('/health/live')).toBe(200);
    expect(await status('/health/cache')).toBe(200);
  });

  it('makes the first administrator and no second one', async () => {
    await using kith = await compose(defaultConfig(), { database: memoryDatabase(), log: silent });
    expect(await kith.bootstrapAdmin(ada)).toEqual({ ok: true, value: true });
    expect(await kith.bootstrapAdmin({ ...ada, email: 'eve@example.com' })).toEqual({
      ok: true,
      value: false,
    });
    const session = await kith.useCases.logIn({ identifier: ada.email, password: ada.password });
    expect(session.ok && session.value.user.role).toBe('admin');
  });
});

describe('compose on the embedded database', () => {
  let directory: string | undefined;
  afterEach(async () => {
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  it('keeps users, and their tokens, over a restart, and opens the directory once', {
    timeout: 120_000,
  }, async () => {
    directory = await mkdtemp(join(tmpdir(), 'kith-compose-'));
    const config: Config = { ...defaultConfig(), dataDirectory: directory };
    const opened: string[] = [];
    const log = { ...silent, info: (event: string) => void opened.push(event) };
    let token = '';
    {
      await using kith = await compose(config, { log });
      const session = await kith.useCases.register(ada);
      if (!session.ok) throw new Error(session.error.code);
      token = Secret.reveal(session.value.token);
      await expect(compose(config, { log })).rejects.toThrow(/in use by process \d+/);
    }
    expect(opened.filter((event) => event === 'database-ready')).toHaveLength(1);
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['development-jwt-secret', 'pglite']));
    expect(await readdir(directory)).not.toContain('kith.lock');
    await using kith = await compose(config, { log });
    const read = await kith.useCases.authenticate(token);
    expect(read.ok && read.value.value.email).toBe(ada.email);
  });
});

describe('the module', () => {
  it('puts Kith into a container of the host, composed once, and closed when it is unloaded', async () => {
    const { database, closed } = watched(memoryDatabase());
    const listeners = { opened: 0, closed: 0 };
    const log = {
      ...database.log,
      listen: async () => {
        listeners.opened++;
        return { [Symbol.asyncDispose]: async () => void listeners.closed++ };
      },
    };
    const container = new Container({ jitless: true });
    const config: Config = { ...defaultConfig(), instances: 'many' };
    const module = kithModule(config, { database: { ...database, log }, log: silent });
    container.load(module);
    expect(listeners).toEqual({ opened: 0, closed: 0 });
    const [kith, same] = await Promise.all([
      container.getAsync(kithService),
      container.getAsync(kithService),
    ]);
    expect(kith).toBe(same);
    expect(await kith.useCases.register(ada)).toMatchObject({ ok: true });
    expect(listeners).toEqual({ opened: 1, closed: 0 });
    await container.unloadAsync(module);
    expect(listeners).toEqual({ opened: 1, closed: 1 });
    expect(closed()).toBe(0);
    expect(container.isBound(kithService)).toBe(false);
  });
});
