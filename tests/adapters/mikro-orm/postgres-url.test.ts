import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PostgresAddress } from '../../../adapters/mikro-orm/postgres-address.ts';
import { parseDatabaseUrl } from '../../../adapters/mikro-orm/postgres-url.ts';
import { Secret } from '../../../domain/secret.ts';

const parsed = (url: string): PostgresAddress => {
  const result = parseDatabaseUrl(url);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
};

describe('a database URL', () => {
  it('is taken apart into fields', () => {
    const address = parsed(
      'postgres://me:s%40crt@db.example:6543/my%20db?sslmode=verify-full&sslrootcert=/ca.pem',
    );
    expect(address).toMatchObject({ host: 'db.example', port: 6543, database: 'my db', user: 'me' });
    expect(address.tls).toEqual({ mode: 'verify', caFile: '/ca.pem' });
    expect(address.password === null ? null : Secret.reveal(address.password)).toBe('s@crt');
  });

  it('has defaults for what may be missing', () => {
    expect(parsed('postgresql://me@localhost/db')).toEqual({
      host: 'localhost',
      port: 5432,
      database: 'db',
      user: 'me',
      password: null,
      tls: { mode: 'off' },
    });
  });

  it('may name an IPv6 address or the folder of a socket', () => {
    expect(parsed('postgres://me@[::1]:5432/db').host).toBe('::1');
    expect(parsed('postgres://me@localhost/db?host=/var/run/postgresql').host).toBe('/var/run/postgresql');
  });

  it('may name several hosts, tried in order, with a port each or one for all', () => {
    const several = { host: 'h1', port: 5432, others: [{ host: 'h2', port: 6432 }] };
    expect(parsed('postgres://me@h1,h2:6432/db?target_session_attrs=read-write')).toMatchObject(several);
    expect(parsed('postgres://me@/db?host=h1,h2&port=5432,6432')).toMatchObject(several);
    expect(parsed('postgres://me@[::1]:1,h2/db?port=7')).toMatchObject({
      host: '::1',
      port: 1,
      others: [{ host: 'h2', port: 7 }],
    });
  });

  it('may name a socket as services do', () => {
    for (const url of [
      'postgres://me:pw@/db?host=/cloudsql/project:region:instance',
      'postgres://me:pw@localhost/db?host=%2Fcloudsql%2Fproject%3Aregion%3Ainstance',
    ]) {
      expect(parsed(url)).toMatchObject({ host: '/cloudsql/project:region:instance', port: 5432 });
    }
    expect(parsed('postgres://me@%2Frun%2Fpostgresql:5433/db')).toMatchObject({
      host: '/run/postgresql',
      port: 5433,
    });
  });

  it('says where the tables are, how long a connection may take, and that a pooler stands in between', () => {
    expect(parsed('postgres://me@h/db?schema=mine').schema).toBe('mine');
    for (const options of ['-c search_path=mine', '-csearch_path=mine', '--search_path=mine']) {
      expect(parsed(`postgres://me@h/db?options=${encodeURIComponent(options)}`).schema).toBe('mine');
    }
    expect(parsed('postgres://me@h/db?connect_timeout=10').connectTimeoutMs).toBe(10_000);
    expect(parsed('postgres://me@h/db?pgbouncer=true').pooling).toBe('transaction');
  });

  it('is refused, with a sentence, where a parameter leads elsewhere and we cannot follow', () => {
    for (const [parameters, reason] of [
      ['target_session_attrs=any', /standby/],
      ['target_session_attrs=standby', /standby/],
      ['target_session_attrs=prefer-standby', /standby/],
      ['schema=My%20Schema', /schema/],
      ['schema=one&options=-csearch_path%3Dtwo', /schema/],
      ['options=-c%20search_path%3Done,two', /schema/],
      ['options=endpoint%3Dep-x', /options/],
      ['options=-c%20role%3Dother', /options/],
      ['connect_timeout=0', /seconds/],
      ['dbname=other', /dbname/],
      ['user=other', /user/],
      ['search_path=other', /search_path/],
      ['load_balance_hosts=random', /load_balance_hosts/],
      ['pgbouncer=yes', /pgbouncer/],
      ['ssl=maybe', /ssl true or false/],
      ['ssl=true&sslmode=disable', /ssl true or false/],
      ['sslmode=verify-full&sslmode=disable', /sslmode is to be said once/],
      ['sslrootcert=/ca.pem', /sslmode=verify-full/],
      ['channel_binding=require', /sslmode=verify-full/],
      ['sslmode=no-verify&channel_binding=require', /sslmode=verify-full/],
      ['gssencmode=require', /gssencmode/],
      ['sslmode=verify-full&ssl_min_protocol_version=TLSv1.3', /TLSv1.3/],
      ['require_auth=scram-sha-256', /require_auth/],
      ['sslmode=verify-full&sslcrl=/crl.pem', /sslcrl/],
    ] as const) {
      const result = parseDatabaseUrl(`postgres://me@h/db?${parameters}`);
      expect(result.ok ? '' : result.error.detail, parameters).toMatch(reason);
    }
  });

  it('asks for verification by every mode that promises encryption, and skips it only when told', () => {
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      expect(parsed(`postgres://me@h/db?sslmode=${mode}`).tls).toEqual({ mode: 'verify', caFile: null });
    }
    expect(parsed('postgres://me@h/db?sslmode=no-verify').tls).toEqual({ mode: 'unverified' });
    for (const mode of ['disable', 'allow', 'prefer']) {
      expect(parsed(`postgres://me@h/db?sslmode=${mode}`).tls).toEqual({ mode: 'off' });
    }
  });

  const verified = { mode: 'verify', caFile: null };

  it.each([
    ['Supabase, direct', 'db.ref.supabase.co:5432/postgres', {}],
    ['Supabase, session mode', 'aws-0-eu-central-1.pooler.supabase.com:5432/postgres', {}],
    ['Supabase for Prisma', 'h:6543/postgres?pgbouncer=true&connection_limit=1', { pooling: 'transaction' }],
    ['Supabase in Vercel', 'h:6543/postgres?sslmode=require&supa=base-pooler.x', { tls: verified }],
    ['Neon', 'ep-x-pooler.eu.aws.neon.tech/db?sslmode=require&channel_binding=require', { tls: verified }],
    ['Prisma', 'h/db?schema=public&connection_limit=5&pool_timeout=3&socket_timeout=3', { schema: 'public' }],
    ['DigitalOcean', 'x.db.ondigitalocean.com:25060/defaultdb?sslmode=require', { tls: verified }],
    ['Aiven', 'x.aivencloud.com:12345/defaultdb?sslmode=require', { tls: verified }],
    ['PlanetScale', 'x.pg.psdb.cloud/db?sslmode=verify-full&sslrootcert=system', { tls: verified }],
    ['Heroku', 'ec2-1.compute-1.amazonaws.com:5432/db', { tls: { mode: 'off' } }],
    ['Heroku, as its page says', 'h/db?sslmode=no-verify', { tls: { mode: 'unverified' } }],
    ['node-postgres', 'h/db?ssl=true&application_name=x&keepalives=1', { tls: verified }],
    ['Azure', 'x.postgres.database.azure.com/db?sslmode=require', { tls: verified }],
    ['Cloud SQL', 'localhost/db?host=/cloudsql/p:r:i', { host: '/cloudsql/p:r:i' }],
    ['Fly', 'x.flycast:5432/db?sslmode=disable', { tls: { mode: 'off' } }],
    ['Aurora', 'x.cluster-y.eu-west-1.rds.amazonaws.com:5432/db?sslmode=verify-full', { tls: verified }],
  ])('is taken as %s hands it out', (_service, rest, expected) => {
    // Supabase's poolers have a dot in the name of the user, and passwords have anything.
    const address = parsed(`postgresql://postgres.ref:p%40ss%2Fword@${rest}`);
    expect(address).toMatchObject(expected);
    expect(address).toMatchObject({ user: 'postgres.ref', password: expect.any(Secret) });
  });

  it('is refused without a user or a database, with another scheme or an unknown sslmode', () => {
    for (const url of [
      'mysql://me@h/db',
      'postgres://h/db',
      'postgres://me@h',
      'postgres://me@/db',
      'postgres://me@h/',
      'postgres://me@h/db?sslmode=maybe',
      'postgres://me:%ZZ@h/db',
      'postgres://me@h:99999/db',
      'postgres://me@h1,/db',
      'postgres://me@h1:1:2/db',
      'postgres://me@h1,h2/db?port=1,2,3',
      'postgres://me@a b/db',
      'not a url',
      '',
      undefined,
      42,
    ]) {
      expect(parseDatabaseUrl(url).ok).toBe(false);
    }
  });

  it('for all passwords: never shows the password, whatever is wrong', () => {
    const password = fc.stringMatching(/^[a-zA-Z0-9%/:@?#]{8,20}$/);
    fc.assert(
      fc.property(password, (secret) => {
        const result = parseDatabaseUrl(`postgres://me:${secret}@h/db`);
        expect(inspect(result, { depth: 9 })).not.toContain(secret);
      }),
    );
  });
});
