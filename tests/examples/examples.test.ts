/**
 * Runs every example as it stands in examples/. Its packages are installed apart from the product's, so it is not a part
 * of `npm test`: `npm run test:examples`.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, urlOf } from '../support/postgres.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const examples = join(root, 'examples');
const inDeno = 'Deno' in globalThis;

/** What each example is run by. A file that is listed nowhere fails the first test. */
const servers = inDeno ? ['deno.ts'] : ['hono.ts', 'express.ts', 'fastify.ts'];
const scripts = ['script.ts', 'inversify-host.ts'];
const elsewhere = ['deno.ts', 'hono.ts', 'express.ts', 'fastify.ts', 'swap-adapters.test.ts'];
/** For the runner of each runtime. */
const tests = ['node-test.ts', 'deno-test.ts'];

const argumentsFor = (file: string): string[] =>
  inDeno ? ['run', '--allow-all', '--quiet', join(examples, file)] : [join(examples, file)];

let database: TestDatabase;
beforeEach(async () => {
  if (!existsSync(join(examples, 'node_modules')))
    throw new Error('npm run test:examples installs what they need');
  database = await createTestDatabase();
});
afterEach(() => database[Symbol.asyncDispose]());

const environment = (): NodeJS.ProcessEnv => {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    DATABASE_URL: urlOf(database.address),
    PORT: '0',
    LOG_LEVEL: 'warn',
    JWT_SECRET: secret,
  };
};
const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');

it('runs all there are, and they are all in the index', () => {
  const files = readdirSync(examples).filter((name) => name.endsWith('.ts'));
  expect(files.sort()).toEqual([...new Set([...servers, ...scripts, ...elsewhere, ...tests])].sort());
});

it('type-checks all of them', { timeout: 180_000 }, () => {
  const [command, args] = inDeno
    ? (['deno', ['check', join(examples, 'deno.ts'), join(examples, 'deno-test.ts')]] as const)
    : ([process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', examples]] as const);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  expect(`${stdout}${stderr}`.replaceAll(/.*Check.*\n/g, '')).toBe('');
  expect(status).toBe(0);
});

describe.each(servers)('%s', (file) => {
  it('serves a route of its own and all of Kith, and ends when it is asked to', {
    timeout: 120_000,
  }, async () => {
    const child = spawn(process.execPath, argumentsFor(file), { env: environment(), stdio: 'pipe' });
    const exited = once(child, 'exit');
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    try {
      let url: string | undefined;
      while (url === undefined) {
        if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        url = /listening on http:\/\/[^:]+:(\d+)/.exec(output)?.[1];
      }
      const at = `http://localhost:${url}`;
      const json = { 'content-type': 'application/json', connection: 'close' };
      const post = (path: string, body: unknown, headers = {}): Promise<Response> =>
        fetch(`${at}${path}`, {
          method: 'POST',
          headers: { ...json, ...headers },
          body: JSON.stringify(body),
        });

      const password = 'a long pass phrase';
      const registered = await post('/auth/register', {
        email: 'ann@example.com',
        username: 'ann',
        password,
      });
      expect(registered.status).toBe(201);
      const { access_token: token } = await registered.json();
      const authorization = `Bearer ${token}`;
      const get = (path: string, headers = {}): Promise<Response> =>
        fetch(`${at}${path}`, { headers: { connection: 'close', ...headers } });

      expect(await (await get('/hello', { authorization })).text()).toBe('Hello ann');
      expect((await get('/hello')).status).toBe(401);
      await (await get('/me', { authorization })).body?.cancel();
      const me = await get('/me', { authorization });
      expect(await me.json()).toMatchObject({ username: 'ann', version: 1 });
      expect(me.headers.get('cache-status')).toMatch(/^kith; hit/);
      const contact = await post('/contacts', { first_name: 'Bob' }, { authorization });
      expect(contact.status).toBe(201);
      const missing = await get('/no/such/path');
      expect(missing.status).toBe(404);
      expect(missing.headers.get('content-type')).toBe('application/problem+json');

      // The host's addresses reach the limits: the default is 30 log-ins a minute from one.
      const attempts = await Promise.all(
        Array.from({ length: 31 }, () => post('/auth/login', { identifier: 'nobody', password })),
      );
      expect(attempts.map(({ status }) => status)).toContain(429);
    } finally {
      process.kill(child.pid ?? 0, 'SIGTERM');
      const [code] = await exited;
      expect(output).not.toMatch(/"level":"error"|pass phrase/);
      expect(code, output).toBe(0);
    }
  });
});

const run = (file: string): string =>
  execFileSync(process.execPath, argumentsFor(file), {
    env: environment(),
    encoding: 'utf8',
    timeout: 120_000,
  });

it('script.ts says what it did', { timeout: 120_000 }, () => {
  expect(run('script.ts').trim().split('\n')).toEqual([
    'ann has a token that prints as [secret]',
    'and is 3 parts when you ask for its text',
    'by email: Engineer, from stored',
    // A check of the log, which comes twice a second, may just have dropped what the script changed.
    expect.stringMatching(/^by email: Engineer, from (memory|stored)$/),
    'contacts: Bob',
    expect.stringMatching(/^user in memory: (value|absent)$/),
    expect.any(String),
    expect.any(String),
    expect.any(String),
    expect.any(String),
  ]);
});

it('a test runs with the runner of the runtime alone', { timeout: 120_000 }, () => {
  const args = inDeno
    ? ['test', '--allow-all', join(examples, 'deno-test.ts')]
    : ['--test', join(examples, 'node-test.ts')];
  const output = execFileSync(process.execPath, args, {
    env: environment(),
    encoding: 'utf8',
    timeout: 120_000,
  });
  expect(output).toMatch(inDeno ? /1 passed \| 0 failed/ : /pass 1\b(?:.|\n)*fail 0\b/);
});

it('inversify-host.ts answers from its own container', { timeout: 120_000 }, () => {
  expect(run('inversify-host.ts').trim()).toBe('Who is it? (invalid-token)');
});
