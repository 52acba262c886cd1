/**
 * Every message of the table, provoked as a stranger would: by the real command, as a process. A code that is provoked
 * nowhere, or said and not in the table, fails.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDirectory } from '../../adapters/mikro-orm/data-directory.ts';
import { migratePostgres } from '../../adapters/mikro-orm/migrate.ts';
import { type MessageCode, messageOf, messageRows } from '../../adapters/system/messages.ts';
import { unreadVariables } from '../../composition/start-warnings.ts';
import { programs } from '../security/server.ts';
import { watch } from '../support/canaries.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { urlOf } from './support.ts';

const entry = fileURLToPath(new URL('../../cli/kith.js', import.meta.url));
const inDeno = 'Deno' in globalThis;

type Variables = Readonly<Record<string, string>>;
type Said = { readonly exit: number | null; readonly codes: readonly string[]; readonly text: string };

let directory: string;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kith-said-'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

const codeAtEnd = /^kith: .+; .+ \[([a-z-]+)\]$/;

/** Runs the command until it ends, or until it has said `until`. */
const run = (
  args: readonly string[],
  environment: Variables,
  until?: string,
  { program, preload }: { readonly program?: string; readonly preload?: string } = {},
): Promise<Said> =>
  new Promise((resolve) => {
    const { PATH = '', HOME = '' } = process.env;
    const asDeno = inDeno && program === undefined;
    const prefix = asDeno ? ['run', '--allow-all'] : [];
    const loaded = preload === undefined ? [] : [asDeno ? '--preload' : '--import', preload];
    const env = {
      ...{ PATH, HOME, NO_COLOR: '1', PORT: '0', OPS_PORT: 'off' },
      ...{ DATA_DIR: join(directory, 'data'), ...environment },
    };
    const child = spawn(program ?? process.execPath, [...prefix, ...loaded, entry, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const see = watch('output of processes');
    let [text, isOver] = ['', false];
    const codes = (): readonly string[] =>
      text.split('\n').flatMap((line) => codeAtEnd.exec(line)?.slice(1) ?? []);
    child.stdout.setEncoding('utf8').on('data', see);
    child.stderr.setEncoding('utf8').on('data', (more: string) => {
      see(more);
      text += more;
      if (until !== undefined && codes().includes(until)) {
        isOver = true;
        child.kill('SIGKILL');
      }
    });
    child.on('close', (code) => resolve({ exit: isOver ? null : code, codes: codes(), text }));
  });

const listening = async <T extends Server>(server: T): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** A server that answers like this, for the commands that ask one. */
const answering = async (status: number, body: string, length = Buffer.byteLength(body)): Promise<string> => {
  const server = createHttpServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-length': length, connection: 'close' });
    response.write(body, () => {
      if (length > Buffer.byteLength(body)) response.destroy();
      else response.end();
    });
  });
  return `http://127.0.0.1:${await listening(server)}`;
};

let database: TestDatabase;
let url: string;
beforeAll(async () => {
  database = await createTestDatabase();
  url = urlOf(database.address);
});
afterAll(() => database[Symbol.asyncDispose]());

const ask = (server: string, token = 'a-token'): readonly [readonly string[], Variables] => [
  ['explain', 'ann@example.com', '--url', server],
  { KITH_TOKEN: token },
];

/** A file that the runtime loads before the command. */
const preloaded = (source: string): string => {
  const path = join(directory, 'preloaded.mjs');
  writeFileSync(path, source);
  return path;
};

/** How a stranger comes to each message. */
const ways: { readonly [Code in MessageCode]: () => Promise<Said> } = {
  'needs-node': () =>
    run(['start'], {}, undefined, {
      program: programs.node,
      preload: preloaded(
        "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });",
      ),
    }),
  'variable-refused': () => run(['start'], { PORT: 'hunter2' }),
  'variable-missing': () => run(['start'], { NODE_ENV: 'production' }),
  'variable-unread': () =>
    run(['start'], { REDIS_ULR: 'redis://127.0.0.1', MAX_STALENES_MS: '1' }, 'variable-unread'),
  'embedded-in-production': () =>
    run(
      ['start'],
      { NODE_ENV: 'production', JWT_SECRET: randomBytes(32).toString('base64') },
      'embedded-in-production',
    ),
  'only-local': () => run(['start'], { RENDER: 'true' }, 'only-local'),
  'redis-unused': () =>
    run(
      ['start'],
      {
        ...{ REDIS_URL: 'redis://127.0.0.1:1', UPSTASH_REDIS_REST_URL: 'https://kith.upstash.io' },
        UPSTASH_REDIS_REST_TOKEN: 'hunter2',
      },
      'redis-unused',
    ),
  'data-directory-unusable': () => {
    writeFileSync(join(directory, 'data'), 'a file');
    return run(['start'], {});
  },
  'data-directory-in-use': async () => {
    const lock = await lockDataDirectory(directory);
    closing.push(() => lock[Symbol.asyncDispose]());
    return run(['start'], { DATA_DIR: directory });
  },
  'secret-file-unusable': () => {
    writeFileSync(join(directory, 'development-jwt-secret'), 'hunter2');
    return run(['start'], { DATA_DIR: directory });
  },
  'port-in-use': async () => run(['start'], { PORT: String(await listening(createServer())) }),
  'cannot-listen': () => run(['start'], { HOST: '192.0.2.1' }),
  'database-missing': () =>
    run(['start'], { DATABASE_URL: urlOf({ ...database.address, database: 'kith_not_there' }) }),
  'database-login-refused': () =>
    run(['start'], { DATABASE_URL: urlOf({ ...database.address, user: 'kith_not_there' }) }),
  'database-unsuitable': async () => {
    await using foreign = await createTestDatabase();
    await foreign.query('create table users (id serial primary key, login text)');
    return await run(['start'], { DATABASE_URL: urlOf(foreign.address) });
  },
  'database-host-unknown': () =>
    run(
      ['start'],
      { DATABASE_URL: 'postgres://kith:hunter2@no-such-host.invalid/kith' },
      'database-host-unknown',
    ),
  'database-connection-refused': () =>
    run(
      ['start'],
      { DATABASE_URL: 'postgres://kith:hunter2@127.0.0.1:1/kith' },
      'database-connection-refused',
    ),
  'database-tls': () => run(['start'], { DATABASE_URL: `${url}?sslmode=verify-full` }, 'database-tls'),
  'database-not-permitted': async () => {
    const role = `kith_said_${randomBytes(6).toString('hex')}`;
    await using closed = await createTestDatabase();
    await closed.query(`create role ${role} login`);
    await closed.query('revoke create on schema public from public');
    try {
      const as = urlOf({ ...closed.address, user: role, password: null });
      return await run(['start'], { DATABASE_URL: as }, 'database-not-permitted');
    } finally {
      await closed.query(`drop owned by ${role}`);
      await closed.query(`drop role ${role}`);
    }
  },
  'database-silent': async () => {
    const port = await listening(createServer((socket: Socket) => socket.destroy()));
    const silent = `postgres://kith:hunter2@127.0.0.1:${port}/kith`;
    return run(['start'], { DATABASE_URL: silent }, 'database-silent');
  },
  'migration-refused': () => run(['migrate', '--grant', 'kith_not_there'], { DATABASE_URL: url }),
  'bootstrap-admin-refused': async () => {
    await using taken = await createTestDatabase();
    await migratePostgres(taken.address);
    await taken.query(`insert into users
      (id, email, username, skills, role, is_active, is_verified, password_hash, created_at, updated_at, version, token_version)
      values (gen_random_uuid(), 'ann@example.com', 'ann', '{}', 'user', true, true, 'x', now(), now(), 1, 1)`);
    const admin = {
      BOOTSTRAP_ADMIN_EMAIL: 'ann@example.com',
      BOOTSTRAP_ADMIN_PASSWORD: 'a long pass phrase',
    };
    const variables = { DATABASE_URL: urlOf(taken.address), ...admin };
    return await run(['start'], variables, 'bootstrap-admin-refused');
  },
  crashed: () =>
    run(['start'], {}, undefined, {
      preload: preloaded(`import process from 'node:process';
      const on = process.on.bind(process);
      process.on = (event, listener) => {
        if (event === 'unhandledRejection') setTimeout(() => Promise.reject(new TypeError('hunter2')), 5);
        return on(event, listener);
      };`),
    }),
  'server-silent': () => run(...ask('http://127.0.0.1:1')),
  'server-cut-off': async () => run(...ask(await answering(200, '{', 100))),
  'server-foreign': async () => run(...ask(await answering(200, '<html>'))),
  'server-refused': async () => run(...ask(await answering(401, '{"code":"invalid-token"}'))),
  'no-such-user': async () => run(...ask(await answering(200, '{"users":[]}'))),
  'command-unknown': () => run(['strat'], {}),
  'command-refused': () => run(['doctor', 'hunter2'], {}),
  'env-file-unreadable': () => run(['start', '--env', join(directory, 'none.env')], {}),
  'token-missing': () => run(['explain', 'ann@example.com'], {}),
  'token-unusable': () => run(...ask('http://127.0.0.1:1', 'two words')),
  'url-refused': () => run(...ask('postgres://127.0.0.1')),
};

describe('what a start and the commands say', () => {
  it.each(Object.entries(ways))('%s', { timeout: 120_000 }, async (code, provoke) => {
    const { exit, codes, text } = await provoke();
    expect(codes, text).toContain(code);
    const row = Object.entries(messageRows).find(([name]) => name === code)?.[1];
    expect(exit, text).toBe(row?.exit);
    expect(text).not.toContain('hunter2');
    // No stack, and no line that is no message but what a good start says.
    for (const line of text.split('\n').filter((line) => line !== '' && !codeAtEnd.test(line)))
      expect(line).toMatch(/^kith: listening on /);
    for (const said of codes) expect(Object.keys(messageRows)).toContain(said);
  });

  it('has a way to each message of the table, and to no other', () => {
    expect(Object.keys(ways).sort()).toEqual(Object.keys(messageRows).sort());
  });

  it('says of an old Node what the table says', async () => {
    const { text } = await ways['needs-node']();
    const { what, todo } = messageOf('needs-node', {
      needs: 'Node 24 (or 22.18 for the package)',
      version: '20.20.2',
    });
    expect(text).toBe(`kith: ${what}; ${todo} [needs-node]\n`);
  });
});

describe('a name that is nearly ours', () => {
  const meant = (...names: readonly string[]) =>
    unreadVariables(Object.fromEntries(names.map((name) => [name, 'x']))).map(({ what, todo }) =>
      [what.split(' ')[0], /meant (\w+)/.exec(todo)?.[1]].join(' '),
    );

  it('is said with the nearest of ours', () => {
    expect(meant('REDIS_ULR')).toEqual(['REDIS_ULR REDIS_URL']);
    expect(meant('MAX_STALENES_MS')).toEqual(['MAX_STALENES_MS MAX_STALENESS_MS']);
    expect(meant('JWT_SECRETS', 'DATABSE_URL')).toEqual([
      'JWT_SECRETS JWT_SECRET',
      'DATABSE_URL DATABASE_URL',
    ]);
  });

  it('is nothing that a machine or a platform sets anyhow', () => {
    const usual = [
      'PATH',
      'HOME',
      'HOSTNAME',
      'PWD',
      'USER',
      'SHELL',
      'LANG',
      'TERM',
      'TZ',
      'SHLVL',
      'LOGNAME',
    ];
    const railway = ['REDISHOST', 'REDISPORT', 'REDISPASSWORD', 'REDISUSER', 'PGHOST', 'PGPORT'];
    expect(meant(...usual, ...railway, 'DYNO', 'FLY_REGION', 'RENDER', 'KUBERNETES_PORT')).toEqual([]);
  });
});
