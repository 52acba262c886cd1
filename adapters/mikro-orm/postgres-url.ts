import { ok } from '../../domain/result.ts';
import { Secret } from '../../domain/secret.ts';
import { invalid, type Parsed } from '../../domain/text.ts';
import { decodePart, hostOf } from '../system/address.ts';

/** Where a PostgreSQL is and who we are there. */
export type PostgresAddress = {
  /** A host name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Where our tables are; absent: where the role's search path says. */
  readonly schema?: string | undefined;
  readonly user: string;
  readonly password: Secret<'database-password'> | null;
  readonly tls: Tls;
};

/** `verify`: the server shows a certificate for its name, of a known authority or of the one in `caFile`. */
export type Tls =
  | { readonly mode: 'off' }
  | { readonly mode: 'unverified' }
  | { readonly mode: 'verify'; readonly caFile: string | null };

/**
 * A connection URL: `postgres://user:password@host:5432/database`. `sslmode` `require`, `verify-ca` and `verify-full` all
 * verify the certificate (with the authority of `sslrootcert`, if given); `no-verify` encrypts only; `disable`, `allow`
 * and `prefer`, or none, do not encrypt. `host` as a parameter names the folder of a Unix socket. Other parameters are
 * left alone. An issue never repeats the URL, for the password in it.
 */
export const parseDatabaseUrl = (input: unknown): Parsed<PostgresAddress> => {
  const expected = 'a URL like postgres://user:password@host:5432/database is expected';
  if (typeof input !== 'string') return invalid('invalid-type', expected);
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (url?.protocol !== 'postgres:' && url?.protocol !== 'postgresql:')
    return invalid('invalid-format', expected);
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decodePart);
  if (!user || password === undefined || !database) return invalid('invalid-format', expected);
  const tls = parseTls(url.searchParams);
  if (tls === undefined) {
    return invalid('invalid-format', 'sslmode is to be one of the modes of libpq, or no-verify');
  }
  return ok({
    host: url.searchParams.get('host') ?? hostOf(url),
    port: url.port === '' ? 5432 : Number(url.port),
    database,
    user,
    password: password === '' ? null : new Secret(password),
    tls,
  });
};

const parseTls = (parameters: URLSearchParams): Tls | undefined => {
  switch (parameters.get('sslmode') ?? 'disable') {
    case 'disable':
    case 'allow':
    case 'prefer':
      return { mode: 'off' };
    case 'no-verify':
      return { mode: 'unverified' };
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return { mode: 'verify', caFile: parameters.get('sslrootcert') };
    default:
      return undefined;
  }
};
