import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { check } from '../../../adapters/mikro-orm/change-log.ts';
import { dropSilent, leave, listInstances } from '../../../adapters/mikro-orm/instances.ts';
import { note, startingPoints, sweep } from '../../../adapters/mikro-orm/log-retention.ts';
import { chooseFloor } from '../../../application/caching/read-log.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { bounds, type Client, type Clients, clientsOf, idOf, people, Reader } from './change-log-support.ts';

const hour = 3_600_000;

describe('the log is kept', () => {
  let server: TestDatabase;
  let clients: Clients;
  let client: Client;
  let reader: Reader;
  beforeEach(async () => {
    server = await createTestDatabase();
    clients = await clientsOf(server.address);
    client = await clients.connect();
    reader = await new Reader(await clients.connect()).start();
    await client.run(people(1, 9));
  }, 60_000);
  afterEach(async () => {
    await clients[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const change = (n: number) => client.run(`update users set name = name || 'x' where id = '${idOf(n)}'`);
  /** As if so much time had passed: the clock is the server's, so the notes are moved. */
  const age = (ms: number) => client.run(`update log_notes set noted_at = noted_at - interval '${ms} ms'`);
  const count = async (table: string): Promise<number> =>
    Number((await client.run(`select count(*) as total from ${table}`))[0]?.['total']);

  it('for its time from when a change became visible, however long its transaction was', async () => {
    await client.run(`update users set name = 'before' where id = '${idOf(1)}'`);
    const long = await clients.connect();
    await long.run(`begin; update users set name = 'long' where id = '${idOf(2)}'`);
    await note(client, hour);
    await long.run('commit');
    await change(3);
    await age(hour);
    expect(await sweep(client, hour)).toBe(0);
    await age(601_000);
    expect(await sweep(client, hour)).toBe(1);
    expect((await client.run('select key from change_log order by id')).map((row) => row['key'])).toEqual([
      idOf(2),
      idOf(3),
    ]);
    // Once is enough.
    expect(await sweep(client, hour)).toBe(0);
  });

  it('whatever the number of rows, and is swept by one of many', async () => {
    await client.run(
      `insert into change_log (source, key) select 'users', n::text from generate_series(1, 4100) n`,
    );
    await client.run(
      `insert into change_log (source, key) select 'users', n::text from generate_series(1, 400) n`,
    );
    await note(client, hour);
    await age(2 * hour);
    const others = await Promise.all([1, 2, 3].map(() => clients.connect()));
    const swept = await Promise.all(others.map((each) => sweep(each, hour)));
    expect(swept.toSorted((a, b) => b - a)).toEqual([4500, 0, 0]);
  });

  it('and who did not read in time starts anew, whether the rows are gone yet or not', async () => {
    await change(1);
    await note(client, hour);
    await age(2 * hour);
    const inTime = await new Reader(await clients.connect()).start();
    expect(await sweep(client, hour)).toBe(1);
    expect(await reader.news()).toBe('slept-too-long');
    await change(2);
    expect(await inTime.news()).toEqual([`users ${idOf(2)}`]);
    await reader.start();
    expect(await reader.news()).toEqual([]);
  });

  it('from the mark on, which only rises', async () => {
    await note(client, hour);
    await change(1);
    await age(2 * hour);
    await note(client, hour);
    await age(2 * hour);
    await sweep(client, hour);
    const swept = async () => (await client.run('select swept::text from log_state'))[0]?.['swept'];
    const marked = await swept();
    // A clock that went back: the older note looks like the newer one.
    await client.run(
      `update log_notes set noted_at = clock_timestamp() - interval '3 hours' + (pg_snapshot_xmax(snapshot)::text::int % 2) * interval '1 hour'`,
    );
    await client.run(`update log_notes set noted_at = clock_timestamp() - interval '2 hours'
      where pg_snapshot_xmax(snapshot)::text = (select min(pg_snapshot_xmax(snapshot)::text) from log_notes)`);
    await client.run(`update log_notes set noted_at = clock_timestamp() - interval '3 hours'
      where pg_snapshot_xmax(snapshot)::text = (select max(pg_snapshot_xmax(snapshot)::text) from log_notes)`);
    await sweep(client, hour);
    expect(await swept()).toBe(marked);
  });

  it('with a note a minute, and none of a clock that was set back', async () => {
    await note(client, hour);
    await note(client, hour);
    expect(await count('log_notes')).toBe(1);
    await age(61_000);
    await note(client, hour);
    expect(await count('log_notes')).toBe(2);
    await age(-hour);
    await note(client, hour);
    expect(await count('log_notes')).toBe(1);
    await age(10 * hour);
    await note(client, hour);
    await note(client, hour);
    expect(await count('log_notes')).toBe(1);
  });

  it('so that a new process begins where the log is whole and reads what came since', async () => {
    await change(1);
    await note(client, hour);
    await change(2);
    await age(61_000);
    await note(client, hour);
    await change(3);
    await change(4);
    const from = async (maxRows: number) => {
      const choice = chooseFloor(await startingPoints(client, maxRows));
      const fresh = await new Reader(await clients.connect()).start(choice);
      return choice === undefined ? undefined : fresh.brought.map(({ key }) => key);
    };
    expect(await from(100)).toEqual([idOf(2), idOf(3), idOf(4)]);
    expect(await from(3)).toEqual([idOf(2), idOf(3), idOf(4)]);
    expect(await from(2)).toEqual([idOf(3), idOf(4)]);
    expect(await from(1)).toBeUndefined();
    await client.run('alter table users alter column bio type text using upper(bio)');
    expect(await from(100)).toBeUndefined();
    await age(61_000);
    await note(client, hour);
    await change(5);
    expect(await from(100)).toEqual([idOf(5)]);
  });

  it('and a sweep between the choice and the first check is noticed', async () => {
    await note(client, hour);
    await change(1);
    await age(61_000);
    await note(client, hour);
    const choice = chooseFloor(await startingPoints(client, 100));
    await age(2 * hour);
    expect(await sweep(client, hour)).toBe(1);
    const late = await new Reader(await clients.connect()).start(choice);
    expect(late.verdicts).toMatchObject([{ kind: 'start-anew', why: 'slept-too-long' }]);
  });
});

describe('the list of instances', () => {
  let server: TestDatabase;
  let clients: Clients;
  let client: Client;
  beforeEach(async () => {
    server = await createTestDatabase();
    clients = await clientsOf(server.address);
    client = await clients.connect();
  }, 60_000);
  afterEach(async () => {
    await clients[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('is empty at first, and has each with its newest beat and what it has applied', async () => {
    expect(await listInstances(client)).toEqual([]);
    const readers = await Promise.all([1, 2, 3].map(async () => new Reader(await clients.connect()).start()));
    for (const reader of readers) {
      const applied = reader.last?.snapshot;
      await reader.check();
      const listed = (await listInstances(client)).find(({ id }) => id === reader.id);
      expect(listed).toEqual({ id: reader.id, beat: 2, boundMs: bounds.jMs, applied, protocol: 1 });
    }
    expect(await listInstances(client)).toHaveLength(3);
    expect(await client.run('select count(*)::int as total from instances')).toEqual([{ total: 3 }]);
  });

  it('loses who leaves, and nobody else', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(async () => new Reader(await clients.connect()).start()),
    );
    await leave(client, one?.id ?? '');
    expect((await listInstances(client)).map(({ id }) => id)).toEqual([other?.id]);
  });

  it('loses who is silent, if it stays so', async () => {
    const reader = await new Reader(await clients.connect()).start();
    const [seen] = await listInstances(client);
    await reader.check();
    if (seen === undefined) throw new Error('nobody is listed');
    await dropSilent(client, seen);
    const [later] = await listInstances(client);
    expect(later?.beat).toBe(2);
    if (later !== undefined) await dropSilent(client, later);
    expect(await listInstances(client)).toEqual([]);
    // It was only slow: it is listed again, with a beat that repeats no other.
    await reader.check();
    expect((await listInstances(client))[0]?.beat).toBe(3);
  });

  it('has one row for a beat whose answer was lost, from the next answer on', async () => {
    await new Reader(client).start();
    const lost = { id: randomUUID(), answeredBeat: 0, jMs: 1, protocol: 1, last: undefined };
    await check(client, { ...lost, beat: 1 });
    await check(client, { ...lost, beat: 2 });
    await check(client, { ...lost, beat: 4 });
    expect(await client.run(`select beat from instances where id = '${lost.id}'`)).toEqual([{ beat: '4' }]);
  });
});
