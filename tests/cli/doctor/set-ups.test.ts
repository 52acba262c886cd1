/** The doctor on a PostgreSQL as people have it; tests/faults/pgbouncer.test.ts and pgpool.test.ts have poolers and standbys. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import type { Finding } from '../../../cli/doctor/finding.ts';
import { doctor } from '../../../cli/doctor.ts';
import { holdMigrations } from '../../support/migration-lock.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../../support/postgres.ts';
import { openTlsPostgres } from '../../support/tls-postgres.ts';
import { runIn } from '../support.ts';

const secret = randomBytes(48).toString('base64url');

const found = async (url: string, check: string, more: Readonly<Record<string, string>> = {}) => {
  const { out } = await runIn(doctor, ['--json'], { DATABASE_URL: url, JWT_SECRET: secret, ...more });
  const { findings }: { readonly findings: readonly Finding[] } = JSON.parse(out);
  return findings
    .filter((each) => each.check === check)
    .map((each) => `${each.verdict}: ${each.found}; ${each.advice ?? ''}`);
};

describe('the doctor on a PostgreSQL as people have it', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await createTestDatabase();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each(['LATIN1', 'SQL_ASCII'])('finds %s, and says which encoding is right', async (encoding) => {
    const name = `${server.address.database}_${encoding.toLowerCase()}`;
    await server.query(`create database ${name} encoding '${encoding}' locale 'C' template template0`);
    try {
      const [said] = await found(urlOf({ ...server.address, database: name }), 'database encoding');
      expect(said).toMatch(new RegExp(`^bad: ${encoding}, .*; make a database with encoding 'UTF8'`));
    } finally {
      await server.query(`drop database ${name} with (force)`);
    }
  });

  it("finds somebody else's users, and the schema beside them good", async () => {
    await server.query('create table users (id serial primary key, login text)');
    try {
      const [said] = await found(urlOf(server.address), 'migrations');
      expect(said).toMatch(/^bad: the schema public has tables .*: users; set DATABASE_SCHEMA/);
      await migratePostgres({ ...server.address, schema: 'mine' });
      const beside = await found(urlOf(server.address), 'migrations', { DATABASE_SCHEMA: 'mine' });
      expect(beside).toEqual(['good: all applied; ']);
    } finally {
      await server.query('drop table users');
    }
  });

  it('finds who holds the lock of the migrations where one is missing', async () => {
    await using database = await createTestDatabase();
    const held = await holdMigrations(database);
    const [said] = await found(urlOf(database.address), 'migrations');
    expect(said).toMatch(
      new RegExp(`^bad: missing: .*; the process ${held.pid} of PostgreSQL holds their lock; `),
    );
    await held[Symbol.asyncDispose]();
    const [free] = await found(urlOf(database.address), 'migrations');
    expect(free).toMatch(/^bad: missing: [^;]*; run kith migrate$/);
  });

  it('finds the tables of a role in the schema of its own', async () => {
    const role = `kith_doctor_${randomBytes(6).toString('hex')}`;
    await server.query(`create role ${role} login`);
    try {
      await server.query(`create schema authorization ${role}`);
      const address = { ...server.address, user: role, password: null };
      expect(await found(urlOf(address), 'migrations')).toEqual([expect.stringMatching(/^bad: missing: /)]);
      await migratePostgres(address);
      expect(await found(urlOf(address), 'migrations')).toEqual(['good: all applied; ']);
    } finally {
      await server.query(`drop owned by ${role} cascade`);
      await server.query(`drop role ${role}`);
    }
  });

  it('finds a server that wants TLS, and one whose certificate is of an authority that nobody named', async () => {
    await using postgres = await openTlsPostgres();
    const { user, password, port, caFile } = postgres;
    const url = `postgres://${user}:${encodeURIComponent(password)}@localhost:${port}/postgres`;
    const [plain] = await found(url, 'database');
    expect(plain).toMatch(/^bad: .*the server wants it.*; correct sslmode/);
    const [unknown] = await found(`${url}?sslmode=verify-full`, 'database');
    expect(unknown).toMatch(/^bad: .*untrusted certificate.*; correct sslmode or sslrootcert/);
    const [known] = await found(`${url}?sslmode=verify-full&sslrootcert=${caFile}`, 'database');
    expect(known).toMatch(/^good: .* answers/);
  }, 60_000);
});
