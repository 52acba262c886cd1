import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { lockDataDirectory } from '../../adapters/mikro-orm/data-directory.ts';
import { doctor } from '../../cli/doctor.ts';
import { migrate } from '../../cli/migrate.ts';
import { postgresGrants } from '../security/least-privilege.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { kith, runIn, urlOf } from './support.ts';

const all = [
  '0001-initial',
  '0002-login-attempts',
  '0003-change-log',
  '0004-contact-names',
  '0005-idempotency-keys',
  '0006-rules',
  '0007-contact-lists',
  '0008-contact-lists-filled',
  '0009-last-versions',
];

it('migrates PostgreSQL once, also when several do it at a time, and needs no other secret', async () => {
  await using database = await createTestDatabase();
  const environment = { DATABASE_URL: urlOf(database.address), NODE_ENV: 'production' };
  const several = await Promise.all([1, 2, 3].map(() => runIn(migrate, ['--json'], environment)));
  expect(several.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(several.flatMap(({ out }) => JSON.parse(out).applied)).toEqual(all);
  expect(await kith(['migrate'], environment)).toEqual({ code: 0, out: 'nothing to do\n', err: '' });
}, 60_000);

it('gives another role what serving needs, and no more', async () => {
  await using database = await createTestDatabase();
  const role = `kith_grant_${randomBytes(6).toString('hex')}`;
  await database.query(`create role ${role} login`);
  try {
    const environment = { DATABASE_URL: urlOf(database.address) };
    for (const applied of [all, []]) {
      const { code, out } = await runIn(migrate, ['--grant', role, '--json'], environment);
      expect({ code, applied: JSON.parse(out).applied }).toEqual({ code: 0, applied });
    }
    const granted = await database.query(
      `select table_name, privilege_type from information_schema.role_table_grants where grantee = '${role}'`,
    );
    const documented = postgresGrants(role).flatMap((grant) => {
      const [, privileges = '', table = ''] = /^grant ([a-z, ]+) on (?!schema)(\w+) to/.exec(grant) ?? [];
      return privileges
        .split(', ')
        .flatMap((each) => (each === '' ? [] : [`${table} ${each.toUpperCase()}`]));
    });
    expect(documented.length).toBeGreaterThan(10);
    expect(granted.map((row) => `${row['table_name']} ${row['privilege_type']}`).sort()).toEqual(
      documented.sort(),
    );
    const asRole = { DATABASE_URL: urlOf({ ...database.address, user: role, password: null }) };
    const { out } = await runIn(doctor, ['--json'], asRole);
    expect(JSON.parse(out).findings).toContainEqual({
      check: 'database rights',
      verdict: 'good',
      found: 'all that serving needs',
    });
    const unknown = await runIn(migrate, ['--grant', 'kith"; drop table users; --'], environment);
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toContain('42704');
    await expect(runIn(migrate, ['--grant', role], {})).rejects.toThrow('--grant is for PostgreSQL');
  } finally {
    await database.query(`drop owned by ${role}`);
    await database.query(`drop role ${role}`);
  }
}, 60_000);

it('migrates the embedded database, but not under a server', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-migrate-'));
  try {
    const environment = { DATA_DIR: join(directory, 'data') };
    const first = await runIn(migrate, [], environment);
    expect(first).toEqual({ code: 0, out: all.map((name) => `applied ${name}\n`).join(''), err: '' });
    expect((await runIn(migrate, [], environment)).out).toBe('nothing to do\n');
    await using _lock = await lockDataDirectory(environment.DATA_DIR);
    const { code, err } = await runIn(migrate, [], environment);
    expect(code).toBe(1);
    expect(err).toMatch(
      /in use by process \d+; .*a server migrates at its start.* \[data-directory-in-use\]\n$/,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}, 60_000);

it('says why it could not, without the password', async () => {
  const gone = await runIn(migrate, ['--json'], { DATABASE_URL: 'postgres://kith:hunter2@127.0.0.1:1/kith' });
  expect(gone.code).toBe(1);
  expect(JSON.parse(gone.out)).toEqual({
    error: 'DATABASE_URL: nobody listens at 127.0.0.1:1/kith',
    code: 'database-connection-refused',
  });
  expect(gone.out).not.toContain('hunter2');
  const wrong = await runIn(migrate, [], { DATABASE_URL: 'mysql://hunter2' });
  expect(wrong.code).toBe(78);
  expect(wrong.err).toMatch(/^kith: DATABASE_URL: /);
  expect(wrong.err).not.toContain('hunter2');
});

it('starts the server, which stops on a signal', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-start-'));
  const main = fileURLToPath(new URL('../../cli/kith.js', import.meta.url));
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(
    process.execPath,
    'Deno' in globalThis ? ['run', '-A', main, 'start'] : [main, 'start'],
    {
      env: { PATH, HOME, PORT: '0', OPS_PORT: 'off', DATA_DIR: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`it ended: ${output}`)));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const started = output.split('\n').find((line) => line.includes('"started"') && line.endsWith('}'));
        if (started !== undefined) resolve(JSON.parse(started).url);
      });
    });
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const exited = once(child, 'exit');
    // Not by `child.kill`: Deno then says that the signal ended the process, whatever its exit code.
    if (child.pid !== undefined) process.kill(child.pid, 'SIGTERM');
    expect((await exited)[0]).toBe(0);
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
