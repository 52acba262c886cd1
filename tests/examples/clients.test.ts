/** Clients that others generate from /openapi.json: they compile, by the strict rules of a stranger, and work. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHttp } from '../../adapters/http/http.ts';
import { type Listener, listen } from '../../adapters/http/listen.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { compose, type Kith } from '../../composition/compose.ts';
import { defaultConfig } from '../../composition/config.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { quickHasher } from '../support/quick-hasher.ts';

const run = promisify(execFile);
const clients = join(dirname(fileURLToPath(import.meta.url)), '../../examples/clients');
const inDeno = 'Deno' in globalThis;

let kith: Kith;
let server: Listener;
beforeAll(async () => {
  if (!existsSync(join(clients, 'node_modules')))
    throw new Error('npm run test:examples installs what they need');
  kith = await compose(defaultConfig(), { database: memoryDatabase(), hasher: quickHasher, log: silentLog });
  const http = createHttp(kith.useCases, { log: silentLog, ids: { uuid: () => crypto.randomUUID() } });
  server = await listen(http.fetch, { host: '127.0.0.1', port: 0 });
  for (const made of ['generated', 'dist']) await rm(join(clients, made), { recursive: true, force: true });
  const { PATH, HOME } = process.env;
  const options = { cwd: clients, env: { PATH, HOME, KITH_URL: server.url } };
  await run('npm', ['run', '--silent', 'generate'], options);
  await run('npm', ['run', '--silent', 'build'], options);
}, 180_000);
afterAll(async () => {
  await server?.close(1000);
  await kith?.[Symbol.asyncDispose]();
});

it.each(['openapi-fetch', 'hey-api'])(
  '%s registers, keeps a contact, and gets the problem that it expects',
  async (name) => {
    const program = join(clients, 'dist', `${name}.js`);
    const args = inDeno ? ['run', '--allow-all', '--quiet', program] : [program];
    const { stdout } = await run(process.execPath, [...args, server.url]);
    expect(JSON.parse(stdout)).toEqual({ phone: '+442079460958', late: 'version-conflict', found: 1 });
  },
  60_000,
);
