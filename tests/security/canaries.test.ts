import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import { jsonLog } from '../../adapters/system/log.ts';
import { compose, type Kith } from '../../composition/compose.ts';
import { type Config, parseConfig } from '../../composition/config.ts';
import { Secret } from '../../domain/secret.ts';
import { silentLog, untilReady } from '../adapters/mikro-orm/support.ts';
import { watch, watchOnce } from '../support/canaries.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { openRedis, type RedisServer } from '../support/redis-server.ts';
import { postgresGrants, redisAcl } from './least-privilege.ts';
import { startServer } from './server.ts';

const canary = (name: string): string => `CANARY-${name}-${randomBytes(9).toString('hex')}`;

/** In every secret there is, something that is nowhere else. */
const secrets = {
  jwt: canary('jwt').padEnd(64, 'Zq7x'),
  previous: canary('previous').padEnd(64, 'Yw5v'),
  redis: canary('redis'),
  database: canary('database'),
  admin: `${canary('admin')} of the root`,
  password: `${canary('password')} of ada`,
  next: `${canary('next')} of ada`,
};
const role = `kith_app_${randomBytes(4).toString('hex')}`;

/** Everything that MONITOR shows, which is every command with its arguments as any client sent it. */
const monitor = async (port: number): Promise<{ readonly text: () => string; readonly stop: () => void }> => {
  let text = '';
  const socket = connect({ host: '127.0.0.1', port });
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.write('MONITOR\r\n');
  while (!text.includes('+OK')) await new Promise((resolve) => setTimeout(resolve, 5));
  return { text: () => text, stop: () => socket.destroy() };
};

describe('under the least privileges, a whole Kith', () => {
  let redis: RedisServer;
  let database: TestDatabase;
  let watched: Awaited<ReturnType<typeof monitor>>;
  let config: Config;
  let kith: Kith;
  const lines: string[] = [];
  const answers: string[] = [];
  const seeLine = watch('log');
  const keepLine = (line: string): void => {
    lines.push(line);
    seeLine(line);
  };
  /** Tokens and hashes become secrets as they are made. */
  const made: string[] = [];

  beforeAll(async () => {
    redis = await openRedis();
    await redis.command('ACL', 'SETUSER', 'kith', ...redisAcl(secrets.redis));
    database = await createTestDatabase();
    // The owner migrates; whoever serves is somebody else.
    await using owner = await openPostgres({ address: database.address }, silentLog);
    await untilReady(owner);
    await database.query(`create role ${role} login password '${secrets.database}'`);
    for (const grant of postgresGrants(role)) await database.query(grant);
    const { host, port, database: name } = database.address;
    const parsed = parseConfig({
      DATABASE_URL: `postgres://${role}:${secrets.database}@${host}:${port}/${name}`,
      REDIS_URL: `redis://kith:${secrets.redis}@127.0.0.1:${redis.port}`,
      JWT_SECRET: secrets.jwt,
      JWT_PREVIOUS_SECRETS: secrets.previous,
      BOOTSTRAP_ADMIN_EMAIL: 'root@example.com',
      BOOTSTRAP_ADMIN_PASSWORD: secrets.admin,
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    config = parsed.value;
    watched = await monitor(redis.port);
    const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
    const log = jsonLog({ level: 'debug', clock, write: keepLine });
    kith = await compose(config, { log });
    expect(await kith.ready()).toBe(true);
  }, 120_000);

  afterAll(async () => {
    await kith?.[Symbol.asyncDispose]();
    watched?.stop();
    await database?.query(`drop owned by ${role}`);
    await database?.[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
    await using server = await createTestDatabase();
    await server.query(`drop role if exists ${role}`);
  });

  const send = async (method: string, path: string, body?: unknown, token?: string) => {
    const response = await kith.http.fetch(
      Object.assign(
        new Request(`http://kith.test${path}`, {
          method,
          headers: {
            'content-type': 'application/json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        }),
        { ip: '192.0.2.77' },
      ),
    );
    const text = await response.text();
    const [, issued] = /"access_token":"([^"]+)"/.exec(text) ?? [];
    if (issued !== undefined) made.push(issued);
    // The one place where a token belongs is the answer that hands it out.
    const shown = text.replace(/"access_token":"[^"]+"/, '') + JSON.stringify([...response.headers]);
    answers.push(shown);
    watchOnce('answers', shown);
    return { status: response.status, text, token: issued ?? '', id: /"id":"([^"]+)"/.exec(text)?.[1] ?? '' };
  };

  it('does all of its work', async () => {
    const created = await kith.bootstrapAdmin({ email: 'root@example.com', password: secrets.admin });
    expect(created).toMatchObject({ ok: true, value: true });
    const root = await send('POST', '/auth/login', {
      identifier: 'root@example.com',
      password: secrets.admin,
    });
    const ada = await send('POST', '/auth/register', {
      email: 'ada@example.com',
      username: 'ada',
      phone: '+491701234567',
      password: secrets.password,
    });
    expect([root.status, ada.status]).toEqual([200, 201]);
    for (let n = 0; n < 3; n++) expect((await send('GET', '/me', undefined, ada.token)).status).toBe(200);
    const contact = await send('POST', '/contacts', { first_name: 'Bob', notes: 'n' }, ada.token);
    expect(contact.status).toBe(201);
    for (let n = 0; n < 2; n++) {
      expect((await send('GET', '/contacts?limit=5', undefined, ada.token)).status).toBe(200);
      expect((await send('GET', `/contacts/${contact.id}`, undefined, ada.token)).status).toBe(200);
    }
    expect((await send('PATCH', `/contacts/${contact.id}`, { notes: 'm' }, ada.token)).status).toBe(200);
    expect((await send('DELETE', `/contacts/${contact.id}`, undefined, ada.token)).status).toBe(204);
    const lookUp = { emails: ['ada@example.com'], usernames: ['ada'], phones: ['+491701234567'] };
    expect((await send('POST', '/admin/users/lookup', lookUp, root.token)).status).toBe(200);
    expect((await send('GET', '/users/by-username/ada', undefined, root.token)).status).toBe(200);
    expect((await send('GET', `/admin/cache/users/${ada.id}`, undefined, root.token)).status).toBe(200);
    const changes = { current_password: secrets.password, new_password: secrets.next };
    const changed = await send('PUT', '/me/password', changes, ada.token);
    expect(changed.status).toBe(200);
    expect((await send('GET', '/me', undefined, ada.token)).status).toBe(401);
    expect((await send('DELETE', `/admin/cache/users/${ada.id}`, undefined, root.token)).status).toBe(204);
    expect((await send('POST', `/admin/users/${ada.id}/deactivate`, undefined, root.token)).status).toBe(200);
    expect((await send('POST', `/admin/users/${ada.id}/reactivate`, undefined, root.token)).status).toBe(200);
    expect((await send('GET', '/health/cache')).text).toContain('"healthy"');
  }, 60_000);

  it('refuses whoever puts a secret into the wrong place, without repeating it', async () => {
    const wrongs: readonly (readonly [string, string, unknown?, (string | undefined)?])[] = [
      ['POST', '/auth/login', { identifier: secrets.password, password: secrets.password }],
      ['POST', '/auth/login', { identifier: 'ada', password: secrets.password }],
      ['POST', '/auth/login', { identifier: 'ada', password: [secrets.next] }],
      ['POST', '/auth/register', { email: secrets.next, username: secrets.next, password: 'short' }],
      ['POST', '/auth/register', `{"password":"${secrets.next}"`],
      ['GET', '/me', undefined, `${made[0]}x`],
      ['GET', `/users/${secrets.next}`, undefined],
      ['GET', '/nowhere', undefined, made[1]],
    ];
    for (const [method, path, body, token] of wrongs) {
      const { status } = await send(method, path, body, token);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
  });

  it('may do nothing else with the database or Redis', async () => {
    for (const statement of [
      'drop table users',
      'delete from users',
      'truncate contacts',
      "update kith_migrations set name = 'x'",
      'alter table users disable trigger all',
      'create table mine ()',
    ]) {
      await expect(
        database.query(`do $$ begin set local role ${role}; execute $x$${statement}$x$; end $$`),
      ).rejects.toThrow();
    }
    const allowed = (...command: readonly string[]) => redis.command('ACL', 'DRYRUN', 'kith', ...command);
    expect(await allowed('GETRANGE', 'kith:user:id:x', '0', '1')).toBe('OK');
    for (const command of [
      ['GETRANGE', 'other:key', '0', '1'],
      ['GET', 'kith:user:id:x'],
      ['FLUSHALL'],
      ['KEYS', '*'],
      ['CONFIG', 'GET', '*'],
      ['MONITOR'],
      ['ACL', 'LIST'],
      ['PUBLISH', 'other', 'x'],
      ['DEBUG', 'SLEEP', '1'],
      ['SCRIPT', 'FLUSH'],
    ]) {
      expect(await allowed(...command), command.join(' ')).not.toBe('OK');
    }
    expect(JSON.stringify(await redis.command('ACL', 'LOG'))).not.toContain('"kith"');
  });

  it('has no canary in Redis, in any command to it, in logs, answers, or what the configuration prints', async () => {
    const hashes = (await database.query('select password_hash from users')).map((row) =>
      String(row['password_hash']),
    );
    expect(hashes).toHaveLength(2);
    const everything = [...Object.values(secrets), ...made, ...hashes];
    expect(made.length).toBeGreaterThanOrEqual(3);

    const names = await redis.command('KEYS', '*');
    if (!Array.isArray(names)) throw new Error('no names');
    expect(names.length).toBeGreaterThan(1);
    const values: string[] = [];
    for (const name of names) values.push(String(name), String(await redis.command('GET', String(name))));

    const places: Readonly<Record<string, string>> = {
      'the names and values': values.join('\n'),
      MONITOR: watched.text(),
      'the log': lines.join('\n'),
      'the answers': answers.join('\n'),
      configuration: inspect(config, { depth: Infinity, showHidden: true }),
      'the configuration without custom forms': inspect(config, {
        depth: Infinity,
        showHidden: true,
        customInspect: false,
      }),
      'the house': inspect(kith, { depth: 12, showHidden: true }),
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(10);
      for (const secret of everything) {
        expect(text.includes(secret), `${secret.slice(0, 20)} in ${place}`).toBe(false);
        // Nor a token without its signature, or a hash without its parameters.
        for (const part of secret.split(/[.$]/).filter((each) => each.length > 40))
          expect(text.includes(part), `a part of ${secret.slice(0, 12)} in ${place}`).toBe(false);
      }
      expect(text, place).not.toMatch(/\$argon2/);
    }
    // Personal data neither, where names of keys are seen by everybody who may look at Redis at all.
    expect(names.join('\n')).not.toMatch(/ada|root|example|4917|192\.0\.2/);
    // The counters of failed log-ins are about nobody whom one can name.
    const counters = await database.query('select key from login_attempts');
    expect(counters.length).toBeGreaterThan(3);
    expect(JSON.stringify(counters)).not.toMatch(/ada|root|example|4917|192\.0\.2|CANARY/);
    // And the search can find something.
    expect(places['MONITOR']).toContain('kith:user:id:');
    expect(places['MONITOR']).toMatch(/kith:limit:log-in:[0-9a-f]{32}/);
    expect(places['MONITOR']).not.toContain('192.0.2.77');
  });

  it('throws on serialising its configuration', () => {
    expect(() => JSON.stringify(config)).toThrow(TypeError);
    const { postgres } = config;
    expect(postgres?.password).toBeInstanceOf(Secret);
  });
});

it('a crash and a refused start print no canary', async () => {
  const environment = {
    JWT_SECRET: secrets.jwt,
    REDIS_URL: `redis://kith:${secrets.redis}@127.0.0.1:1`,
    DATABASE_URL: `postgres://kith:${secrets.database}@127.0.0.1:1/kith`,
    BOOTSTRAP_ADMIN_EMAIL: 'root@example.com',
    BOOTSTRAP_ADMIN_PASSWORD: secrets.admin,
  };
  await using server = await startServer('node', environment);
  process.kill(server.pid, 'SIGTERM');
  await server.stop();
  const refused = startServer('node', {
    ...environment,
    REDIS_URL: `redis://kith:${secrets.redis}@[`,
    DATABASE_URL: `postgres://kith:${secrets.database}@:x/`,
    JWT_PREVIOUS_SECRETS: `${secrets.previous.slice(0, 20)}`,
  });
  const output = server.output() + String(await refused.catch((error: unknown) => inspect(error)));
  expect(output).toContain('REDIS_URL');
  for (const secret of Object.values(secrets)) expect(output).not.toContain(secret.slice(0, 16));
}, 60_000);
