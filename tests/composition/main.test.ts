import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migratePostgres } from '../../adapters/mikro-orm/migrate.ts';
import { watch } from '../support/canaries.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';

const main = fileURLToPath(new URL('../../composition/main.ts', import.meta.url));
const args = 'Deno' in globalThis ? ['run', '--allow-all', main] : [main];

type Line = { readonly event: string; readonly [field: string]: unknown };

class Process {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #see = watch('output of processes');
  output = '';

  constructor(environment: { readonly [name: string]: string }) {
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, PORT: '0', OPS_PORT: '0', DATA_DIR: directory, ...environment };
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#see(text);
        this.output += text;
      });
    }
    running.push(this);
  }

  get lines(): readonly Line[] {
    return this.output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  }

  async event(name: string): Promise<Line> {
    for (;;) {
      const line = this.lines.find(({ event }) => event === name);
      if (line !== undefined) return line;
      if (this.#child.exitCode !== null) throw new Error(`it ended without ${name}: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Not by `child.kill`: Deno then says that the signal ended the process, whatever its exit code. */
  signal(name: NodeJS.Signals): void {
    const { pid, exitCode } = this.#child;
    if (pid !== undefined && exitCode === null) process.kill(pid, name);
  }

  async exit(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }
}

let directory: string;
let running: Process[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kith-main-'));
});
afterEach(async () => {
  for (const child of running) child.signal('SIGKILL');
  await Promise.all(running.map((child) => child.exit()));
  running = [];
  await rm(directory, { recursive: true });
});

const status = async (url: unknown): Promise<number> => {
  const response = await fetch(String(url));
  await response.body?.cancel();
  return response.status;
};

describe('a start that is refused', () => {
  it('lists every wrong variable, without its value, and exits with 78', async () => {
    const child = new Process({ PORT: 'hunter2', REDIS_URL: 'http://hunter2', NODE_ENV: 'production' });
    expect(await child.exit()).toBe(78);
    for (const name of ['PORT', 'REDIS_URL', 'JWT_SECRET']) expect(child.output).toContain(`kith: ${name}: `);
    expect(child.output).not.toContain('hunter2');
  });

  it('says that the port is in use and exits with 1', { timeout: 120_000 }, async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const child = new Process({ PORT: String(port), DATABASE_URL: 'postgres://kith@127.0.0.1:1/kith' });
    expect(await child.exit()).toBe(1);
    expect(child.output).toMatch(
      new RegExp(`kith: cannot listen on 127.0.0.1 port ${port}: the port is in use`),
    );
    holder.close();
  });
});

describe('a started process', () => {
  it('serves, names its pid to a second one, drains on SIGTERM and exits with 0', {
    timeout: 240_000,
  }, async () => {
    const admin = {
      BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com',
      BOOTSTRAP_ADMIN_PASSWORD: 'correct horse battery',
    };
    const first = new Process(admin);
    const { url, opsUrl, database, redis } = await first.event('started');
    expect({ database, redis }).toEqual({ database: 'embedded', redis: null });
    // From the first moment in which it is ready the administrator can log in.
    while ((await status(`${url}/health/ready`)) !== 200)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const login = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: 'admin@example.com', password: 'correct horse battery' }),
    });
    expect(await login.json()).toMatchObject({ user: { role: 'admin' } });

    const second = new Process({});
    expect(await second.exit()).toBe(1);
    expect(second.output).toMatch(/kith: the data directory .* is in use by process \d+/);

    first.signal('SIGTERM');
    await first.event('stopping');
    expect(await status(`${opsUrl}/health/ready`)).toBe(503);
    expect(await first.exit()).toBe(0);
    expect(first.lines.at(-1)).toMatchObject({ event: 'stopped', complete: true });
    // On the other stream, so that it may come after the line that says the same.
    expect(first.output).toContain(`kith: listening on ${url}`);
    expect(first.output).not.toContain('correct horse battery');

    // The same data again: no second administrator.
    const third = new Process(admin);
    await third.event('started');
    expect(third.lines.map(({ event }) => event)).not.toContain('bootstrap-admin-created');
    third.signal('SIGINT');
    expect(await third.exit()).toBe(0);
  });

  it('is not ready before the administrator who was asked for can log in', { timeout: 120_000 }, async () => {
    await using database = await createTestDatabase();
    await migratePostgres(database.address);
    // As if somebody held a lock.
    await database.query(`create function busy() returns trigger language plpgsql as $$
      begin raise exception using errcode = '55P03'; end $$`);
    await database.query('create trigger busy before insert on users execute function busy()');
    const child = new Process({
      DATABASE_URL: urlOf(database.address),
      BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com',
      BOOTSTRAP_ADMIN_PASSWORD: 'correct horse battery',
    });
    const { url } = await child.event('started');
    const ready = async (): Promise<unknown> => (await fetch(`${url}/health/ready`)).json();
    // Not a moment of readiness, from the first answer to long after the database could be asked.
    const codes: unknown[] = [];
    while (codes.filter((code) => code === 'starting').length < 10) {
      const answer = await ready();
      expect(answer).not.toEqual({ status: 'ready' });
      codes.push(Object(answer)['code']);
    }
    await database.query('drop trigger busy on users');
    await expect.poll(ready, { timeout: 60_000 }).toEqual({ status: 'ready' });
    const login = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: 'admin@example.com', password: 'correct horse battery' }),
    });
    expect(await login.json()).toMatchObject({ user: { role: 'admin' } });
    child.signal('SIGTERM');
    expect(await child.exit()).toBe(0);
  });

  it('is up without its database and without Redis, and says nothing of their secrets', {
    timeout: 60_000,
  }, async () => {
    const child = new Process({
      DATABASE_URL: 'postgres://kith:hunter2@127.0.0.1:1/kith',
      REDIS_URL: 'redis://:hunter3@127.0.0.1:1',
    });
    const { url, redis } = await child.event('started');
    expect(redis).toBe('REDIS_URL');
    expect(await status(`${url}/health/live`)).toBe(200);
    expect(await status(`${url}/health/ready`)).toBe(503);
    child.signal('SIGTERM');
    expect(await child.exit()).toBe(0);
    expect(child.output).not.toMatch(/hunter/);
  });
});
