import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { begin, check, renewEpoch } from '../../../adapters/mikro-orm/change-log.ts';
import { examineDirect } from '../../../adapters/mikro-orm/examine-direct.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { type PostgresAddress, placeOf } from '../../../adapters/mikro-orm/postgres-address.ts';
import { freePort } from '../../support/redis-server.ts';
import { adopt, end, removeFolder, temporaryFolder } from '../../torture/children.ts';
import { owner, programs } from '../../torture/postgres-cluster.ts';
import { bounds, clientsOf, idOf, people, Reader } from './change-log-support.ts';
import { recordingLog, silentLog, untilReady } from './support.ts';

/** PostgreSQL on a data directory that is there already; ends in order. */
const serve = async (data: string): Promise<{ readonly address: PostgresAddress; stop(): Promise<void> }> => {
  const port = await freePort();
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=off',
  ];
  const server = adopt(
    spawn(join(programs(), 'postgres'), ['-D', data, ...settings.flatMap((each) => ['-c', each])], options),
    'SIGQUIT',
  );
  for (let attempt = 0; attempt < 200; attempt++) {
    if (run('pg_isready', '-q', '-h', '127.0.0.1', '-p', `${port}`)) break;
    await sleep(50);
  }
  const address = {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: null,
    database: 'postgres',
    tls: { mode: 'off' },
  } as const;
  return { address, stop: () => end(server, 'SIGINT') };
};

const run = (program: string, ...values: string[]): boolean => {
  try {
    execFileSync(join(programs(), program), values, options);
    return true;
  } catch {
    return false;
  }
};

const folder = temporaryFolder('copies');
const user = owner();
const options = { ...user, cwd: folder, stdio: 'ignore' as const };
const [original, standby, cold, twin] = ['original', 'standby', 'cold', 'twin'].map((name) =>
  join(folder, name),
);
/** "cannot access temporary or unlogged relations during recovery": an answer, with the same code as a plan grown old. */
const unlogged = { code: '0A000' };
const updateOf = (n: number): string =>
  `update users set name = coalesce(name, '') || 'x' where id = '${idOf(n)}'`;

describe('the log of a copy of the files', () => {
  beforeAll(() => {
    if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
    expect(
      run('initdb', '-D', original ?? '', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'),
    ).toBe(true);
  }, 60_000);
  afterAll(() => removeFolder(folder));

  it('is refused by a standby, and has another epoch after its promotion', async () => {
    const primary = await serve(original ?? '');
    const clients = await clientsOf(primary.address);
    const reader = await new Reader(await clients.connect()).start();
    const writer = await clients.connect();
    await writer.run(`${people(1, 9)}; ${updateOf(1)}`);
    expect(await reader.news()).toEqual([`users ${idOf(1)}`]);
    const target = [
      '-h',
      '127.0.0.1',
      '-p',
      `${primary.address.port}`,
      '-U',
      'postgres',
      '-D',
      standby ?? '',
    ];
    expect(run('pg_basebackup', ...target, '-R', '-X', 'stream', '-c', 'fast')).toBe(true);
    const follower = await serve(standby ?? '');
    const there = await clientsOf(follower.address, false);
    const client = await there.connect();
    const asked = { id: randomUUID(), jMs: 2000, protocol: 1, last: reader.last?.snapshot };
    await expect(check(client, { ...asked, beat: 1, answeredBeat: 0 })).rejects.toMatchObject(unlogged);
    await expect(begin(client, bounds)).rejects.toMatchObject({ code: '25006' });

    // A pooler may send the reads of the one way there. It is no other way.
    expect(await examineDirect(follower.address, primary.address)).toMatchObject({ isSame: true });
    expect(await examineDirect(primary.address, follower.address)).toMatchObject({ isStandby: true });

    await client.run('select pg_promote()');
    expect(await examineDirect(follower.address, primary.address)).toMatchObject({ isSame: false });
    const promoted = await check(client, { ...asked, beat: 2, answeredBeat: 0 });
    // The same system, the same database, rows of the same log: but not the same state.
    expect(promoted.identity).toBeUndefined();
    const { identity } = await begin(client, bounds);
    expect(identity.split('.').slice(0, 2)).toEqual(reader.identity.split('.').slice(0, 2));
    expect(identity).not.toBe(reader.identity);
    // The one that was left goes on under its own.
    expect((await begin(await clients.connect(), bounds)).identity).toBe(reader.identity);
    await there[Symbol.asyncDispose]();
    await follower.stop();
    await clients[Symbol.asyncDispose]();
    await primary.stop();
  }, 60_000);

  it('is seen to have gone back where files of before were put in place', async () => {
    const before = await serve(original ?? '');
    const first = await clientsOf(before.address);
    await first.connect();
    await new Reader(await first.connect()).start();
    await first[Symbol.asyncDispose]();
    await before.stop();
    execFileSync('cp', ['-a', original ?? '', cold ?? '']);

    const meanwhile = await serve(original ?? '');
    const clients = await clientsOf(meanwhile.address);
    const reader = await new Reader(await clients.connect()).start();
    const writer = await clients.connect();
    for (let n = 1; n < 9; n++) await writer.run(updateOf(n));
    expect(await reader.news()).toHaveLength(8);
    await clients[Symbol.asyncDispose]();
    await meanwhile.stop();

    const back = await serve(cold ?? '');
    const copies = await clientsOf(back.address);
    const went = new Reader(await copies.connect());
    // It was stopped in order, so the state of the log is there, epoch and all.
    expect((await begin(await copies.connect(), bounds)).identity).toBe(reader.identity);
    went.identity = reader.identity;
    went.last = reader.last;
    expect(await went.news()).toBe('went-back');
    await renewEpoch(await copies.connect(), reader.identity);
    await went.start();
    expect(went.identity).not.toBe(reader.identity);
    const after = await copies.connect();
    await after.run(updateOf(1));
    expect(await went.news()).toEqual([`users ${idOf(1)}`]);
    await copies[Symbol.asyncDispose]();
    await back.stop();
  }, 60_000);

  it('is no way past a pooler, though nothing that it says of itself differs', async () => {
    const before = await serve(original ?? '');
    const first = await clientsOf(before.address);
    const { identity } = await new Reader(await first.connect()).start();
    await first[Symbol.asyncDispose]();
    await before.stop();
    execFileSync('cp', ['-a', original ?? '', twin ?? '']);

    const servers = [await serve(original ?? ''), await serve(twin ?? '')] as const;
    const [address, copy] = [servers[0].address, servers[1].address];
    const there = await clientsOf(copy, false);
    expect((await begin(await there.connect(), bounds)).identity).toBe(identity);
    const log = recordingLog();
    {
      await using refused = await openPostgres({ address, direct: copy }, log);
      await expect(refused.health.ping()).rejects.toThrow('the database is starting');
      const reason = 'DATABASE_DIRECT_URL leads to another database than DATABASE_URL';
      const fields = { code: 'database-silent', at: placeOf(address), reason };
      await vi.waitFor(() => expect(log.lines).toEqual([`database-not-ready ${JSON.stringify(fields)}`]));
    }
    expect(await examineDirect(address, copy)).toMatchObject({ isSame: false, keepsSession: true });
    // Another name of the same server is a way.
    const direct = { ...address, host: 'localhost' };
    expect(await examineDirect(address, direct)).toMatchObject({ isSame: true, keepsSession: true });
    {
      await using database = await openPostgres({ address, direct }, silentLog);
      await untilReady(database);
    }
    await there[Symbol.asyncDispose]();
    for (const server of servers) await server.stop();
  }, 60_000);
});
