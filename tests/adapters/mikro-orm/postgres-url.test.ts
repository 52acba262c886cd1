import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PostgresAddress, parseDatabaseUrl } from '../../../adapters/mikro-orm/postgres-url.ts';
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

  it('asks for verification by every mode that promises encryption, and skips it only when told', () => {
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      expect(parsed(`postgres://me@h/db?sslmode=${mode}`).tls).toEqual({ mode: 'verify', caFile: null });
    }
    expect(parsed('postgres://me@h/db?sslmode=no-verify').tls).toEqual({ mode: 'unverified' });
    for (const mode of ['disable', 'allow', 'prefer']) {
      expect(parsed(`postgres://me@h/db?sslmode=${mode}`).tls).toEqual({ mode: 'off' });
    }
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
