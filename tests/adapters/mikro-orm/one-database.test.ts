import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import { userId } from '../../support/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { silentLog, untilReady } from './support.ts';

const boundMs = 2000;
const ofPool = `from pg_stat_activity where datname = current_database() and application_name = 'kith'
  and query not like '%beats_before%' and query not like '%listen%'`;

/** To those that connect, another epoch is another database: it is how they know one. */
describe('an address that leads to another database than before', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await createTestDatabase();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = ({ users }: Database) => users.find({ kind: 'id', value: userId(1) });
  const becomeAnother = () => server.query('update log_state set epoch = default');
  const endPool = async () => (await server.query(`select pg_terminate_backend(pid) ${ofPool}`)).length;
  const pidsOfPool = async () => (await server.query(`select pid ${ofPool}`)).map(({ pid }) => pid);

  const open = async (checkDeadlineMs: number) => {
    const database = await openPostgres({ address: server.address, checkDeadlineMs }, silentLog);
    await untilReady(database);
    await database.log.begin({ boundMs, retentionMs: 60_000 });
    const id = randomUUID();
    let beat = 0;
    const check = () =>
      database.log.check({ id, beat: ++beat, answeredBeat: beat - 1, boundMs, last: undefined });
    // A deadline that a busy machine may miss.
    await vi.waitFor(check, { timeout: 10_000 });
    return { database, check, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
  };

  it('is not read before its log is, which is asked for', async () => {
    // Longer than any test: what was read once counts as read.
    await using opened = await open(60_000);
    const { database, check } = opened;
    let woken = 0;
    await using _listener = await database.log.listen(() => woken++);
    await becomeAnother();
    await expect.poll(endPool).toBe(0);
    const before = woken;
    await expect(ask(database)).rejects.toThrow('another database than the one whose log is read');
    expect(woken).toBeGreaterThan(before);
    await check();
    await expect
      .poll(() => ask(database).then(() => 'answered', String), { timeout: 10_000 })
      .toBe('answered');
  }, 30_000);

  it('is read where no log is read, for then no cache is served from either', async () => {
    await using opened = await open(300);
    await becomeAnother();
    await expect.poll(endPool).toBe(0);
    await expect
      .poll(() => ask(opened.database).then(() => 'answered', String), { timeout: 10_000 })
      .toBe('answered');
  }, 30_000);

  it('is left by the connections that still lead to the one before, once its log is read', async () => {
    await using opened = await open(60_000);
    await ask(opened.database);
    const before = await pidsOfPool();
    expect(before.length).toBeGreaterThan(0);
    await becomeAnother();
    await opened.check();
    await expect.poll(async () => (await pidsOfPool()).filter((pid) => before.includes(pid))).toEqual([]);
    await ask(opened.database);
  }, 30_000);
});
