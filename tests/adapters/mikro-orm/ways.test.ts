import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import type { PostgresAddress } from '../../../adapters/mikro-orm/postgres-address.ts';
import { parseDatabaseUrl } from '../../../adapters/mikro-orm/postgres-url.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import { fresh, store } from '../../contracts/persistence-support.ts';
import { type FaultProxy, openFaultProxy } from '../../support/fault-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { openTlsPostgres, type TlsPostgres } from '../../support/tls-postgres.ts';
import { openPostgresCluster } from '../../torture/postgres-cluster.ts';
import { sql } from '../../torture/sql.ts';
import { recordingLog, silentLog, untilReady } from './support.ts';

const addressOf = (url: string): PostgresAddress => {
  const address = parseDatabaseUrl(url);
  if (!address.ok) throw new Error(address.error.detail);
  return address.value;
};

describe('a long way, with TLS and SCRAM', () => {
  let server: TlsPostgres;
  let far: FaultProxy;
  beforeAll(async () => {
    server = await openTlsPostgres();
    far = await openFaultProxy({ host: '127.0.0.1', port: server.port });
  }, 60_000);
  afterAll(async () => {
    await far[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const urlTo = (port: number, parameters: string): string =>
    `postgres://${server.user}:${encodeURIComponent(server.password)}@localhost:${port}/postgres?${parameters}`;

  it('of 120 ms there and back gets ready, and serves more at once than it has connections', async () => {
    // Each direction.
    far.set({ latencyMs: 60 });
    const address = addressOf(urlTo(far.port, `sslmode=verify-full&sslrootcert=${server.caFile}`));
    await using database = await openPostgres({ address }, silentLog);
    await vi.waitFor(() => database.health.ping(), { timeout: 30_000 });
    const account = fresh();
    await store(database, account);
    const asked = Array.from({ length: 8 }, () =>
      database.users.find({ kind: 'id', value: account.user.id }),
    );
    expect((await Promise.all(asked)).map((user) => user?.id)).toEqual(Array(8).fill(account.user.id));
    far.set('pass');
  }, 60_000);

  it('says in words of its own what is wrong: a certificate, TLS, the port', async () => {
    const proxy = await openFaultProxy({ host: '127.0.0.1', port: server.port });
    await proxy[Symbol.asyncDispose]();
    await using plain = await openPostgresCluster();
    for (const [url, word] of [
      [urlTo(server.port, 'sslmode=verify-full'), 'untrusted certificate'],
      [urlTo(proxy.port, `sslmode=verify-full&sslrootcert=${server.caFile}`), 'refused'],
      [urlTo(plain.port, 'sslmode=verify-full'), 'no TLS'],
      [urlTo(server.port, 'sslmode=disable'), 'no TLS: the server wants it'],
    ] as const) {
      const log = recordingLog();
      await using database = await openPostgres({ address: addressOf(url) }, log);
      await expect(database.health.ping()).rejects.toBeInstanceOf(DatabaseUnavailable);
      await vi.waitFor(() => expect(log.lines[0]).toMatch(new RegExp(`database .*\\(${word}[:,]`)), {
        timeout: 8_000,
      });
      expect(log.lines.join()).not.toContain(server.password);
    }
  }, 30_000);
});

it('may be a Unix socket, as services hand it out', async () => {
  await using cluster = await openPostgresCluster();
  const [found] = await cluster.sql.run(sql`show unix_socket_directories`);
  const folder = String(found?.['unix_socket_directories']);
  for (const url of [
    `postgres://postgres@${encodeURIComponent(folder)}:${cluster.port}/postgres`,
    `postgres://postgres@/postgres?host=${folder}&port=${cluster.port}`,
  ]) {
    await using database = await openPostgres({ address: addressOf(url) }, silentLog);
    await untilReady(database);
  }
}, 30_000);

describe('several hosts', () => {
  let server: TestDatabase;
  let first: FaultProxy;
  let second: FaultProxy;
  beforeAll(async () => {
    server = await createTestDatabase();
    const { host, port } = server.address;
    first = await openFaultProxy({ host, port });
    second = await openFaultProxy({ host, port });
  });
  afterAll(async () => {
    for (const each of [first, second, server]) await each[Symbol.asyncDispose]();
  });

  it('are tried in order, at the start and when the first goes away', async () => {
    const { user, database: name } = server.address;
    const address = addressOf(`postgres://${user}@127.0.0.1:${first.port},127.0.0.1:${second.port}/${name}`);
    first.set('cut');
    await using database = await openPostgres({ address }, silentLog);
    await untilReady(database);
    first.set('pass');
    second.set('cut');
    const startMs = performance.now();
    await untilReady(database);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(first.accepted()).toBeGreaterThan(1);
    second.set('pass');
  }, 30_000);

  it('are not waited for: one that takes connections and says nothing costs half a second', async () => {
    const { user, database: name } = server.address;
    const address = addressOf(`postgres://${user}@127.0.0.1:${first.port},127.0.0.1:${second.port}/${name}`);
    first.set('black-hole');
    const startMs = performance.now();
    await using database = await openPostgres({ address }, silentLog);
    await untilReady(database);
    expect(performance.now() - startMs).toBeLessThan(4000);
  }, 30_000);
});
