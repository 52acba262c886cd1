import { ok } from '../../domain/result.ts';
import { invalid, type Parsed } from '../../domain/text.ts';
import type { PostgresAddress, Tls } from './postgres-address.ts';

/** What the parameters of a connection URL say. */
export type Parameters = Pick<PostgresAddress, 'schema' | 'tls' | 'connectTimeoutMs' | 'pooling'> & {
  /** Both as they stand there, with commas between several. */
  readonly hosts: string | null;
  readonly ports: string | null;
};

/** They lead elsewhere, or to somebody else's rights, and we do not know how: a URL with one of them is refused. */
const refused = [
  ...['dbname', 'database', 'user', 'password', 'passfile', 'hostaddr', 'service', 'servicefile', 'role'],
  ...[
    'load_balance_hosts',
    'replication',
    'search_path',
    'currentSchema',
    'sslcert',
    'sslkey',
    'client_encoding',
  ],
  // They promise a safety that we could not keep.
  ...['require_auth', 'requirepeer', 'sslcrl', 'sslcrldir', 'sslidentity', 'sslpassword'],
];

/** The same of single values. */
const refusedValues = [
  ['gssencmode', 'require'],
  ['sslcertmode', 'require'],
  ['ssl_min_protocol_version', 'TLSv1.3'],
] as const;

/** Said twice, they would say two things, of which libpq takes the last and others the first. */
const once = ['host', 'port', 'sslmode', 'ssl', 'sslrootcert', 'schema', 'options', 'pgbouncer'];

/** A name that needs no quotes. */
export const isSchema = (name: string): boolean => /^[a-z_][a-z0-9_]{0,62}$/.test(name);

export const schemaExpected = 'the name of a schema in lower-case letters, digits and _';

/**
 * `sslmode` `require`, `verify-ca` and `verify-full` all verify the certificate, with the authority of `sslrootcert`, or with
 * those that the runtime knows where that is missing or `system`; `no-verify` encrypts only; `disable`, `allow` and `prefer`,
 * or none, do not encrypt. `ssl=true` is `require`. `channel_binding=require` asks for a verified certificate, which keeps
 * others from the middle as well. `schema`, or `options` with
 * `-c search_path=`, is where our tables are; `connect_timeout` is in seconds; `pgbouncer=true` says that a pooler in
 * transaction mode stands in between. The primary is always meant, so `target_session_attrs` may say nothing else. What
 * changes neither where data goes nor who sees it is left alone.
 */
export const parseParameters = (given: URLSearchParams): Parsed<Parameters> => {
  const wrong = (detail: string): Parsed<never> => invalid('invalid-format', detail);
  for (const name of refused) if (given.has(name)) return wrong(`the parameter ${name} is not supported`);
  for (const [name, value] of refusedValues)
    if (given.get(name) === value) return wrong(`the parameter ${name}=${value} is not supported`);
  for (const name of once) if (given.getAll(name).length > 1) return wrong(`${name} is to be said once`);
  const tls = parseTls(given);
  if (tls === undefined)
    return wrong(
      'sslmode is to be one of the modes of libpq, or no-verify, and ssl true or false as it says',
    );
  if (tls.mode !== 'verify' && (given.has('sslrootcert') || given.get('channel_binding') === 'require'))
    return wrong('sslrootcert and channel_binding=require ask for sslmode=verify-full');
  if (!/^(true|false)$/.test(given.get('pgbouncer') ?? 'false'))
    return wrong('pgbouncer is to be true or false');
  const session = given.get('target_session_attrs') ?? 'primary';
  if (session !== 'primary' && session !== 'read-write')
    return wrong('target_session_attrs is to be primary or read-write: what a standby answers may be old');
  const schema = parseSchema(given);
  if (schema === null)
    return wrong(`schema is to be ${schemaExpected}, and options no more than -c search_path=schema`);
  const timeout = given.get('connect_timeout') ?? undefined;
  if (timeout !== undefined && !/^([1-9]|[1-5]\d|60)$/.test(timeout))
    return wrong('connect_timeout is to be a whole number of seconds from 1 to 60');
  return ok({
    tls,
    hosts: given.get('host'),
    ports: given.get('port'),
    ...(schema !== undefined && { schema }),
    ...(timeout !== undefined && { connectTimeoutMs: Number(timeout) * 1000 }),
    ...(given.get('pgbouncer') === 'true' && { pooling: 'transaction' as const }),
  });
};

/** `null`: not understood. */
const parseSchema = (given: URLSearchParams): string | undefined | null => {
  const [, fromOptions] = /^\s*(?:-c\s*|--)search_path=([^\s,]+)\s*$/.exec(given.get('options') ?? '') ?? [];
  if (given.has('options') && fromOptions === undefined) return null;
  const schema = given.get('schema') ?? fromOptions;
  if (schema === undefined) return undefined;
  return isSchema(schema) && schema === (fromOptions ?? schema) ? schema : null;
};

/** What node-postgres and JDBC say, and what it is to libpq. */
const modes: Readonly<Record<string, string>> = {
  true: 'require',
  '1': 'require',
  'no-verify': 'no-verify',
  false: 'disable',
  '0': 'disable',
};

/** `undefined`: not understood, or two that contradict each other. */
const parseTls = (given: URLSearchParams): Tls | undefined => {
  const [mode, ssl] = [given.get('sslmode'), given.get('ssl')];
  const file = given.get('sslrootcert');
  const caFile = file === 'system' ? null : file;
  const said = tlsOf(ssl === null ? 'disable' : modes[ssl], caFile);
  if (mode === null) return said;
  const tls = tlsOf(mode, caFile);
  return ssl === null || said?.mode === tls?.mode ? tls : undefined;
};

const tlsOf = (mode: string | undefined, caFile: string | null): Tls | undefined => {
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return { mode: 'off' };
    case 'no-verify':
      return { mode: 'unverified' };
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return { mode: 'verify', caFile };
    default:
      return undefined;
  }
};
