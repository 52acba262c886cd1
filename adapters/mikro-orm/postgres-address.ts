import type { Secret } from '../../domain/secret.ts';

/** Where one server is: a host name, an address, or the folder of a Unix socket. */
export type Host = { readonly host: string; readonly port: number };

/** Where a PostgreSQL is and who we are there. */
export type PostgresAddress = Host & {
  /** Further hosts, tried in order where the first is no primary or does not answer. */
  readonly others?: readonly Host[] | undefined;
  readonly database: string;
  /** Where our tables are; absent: where the role's search path says. */
  readonly schema?: string | undefined;
  readonly user: string;
  readonly password: Secret<'database-password'> | null;
  readonly tls: Tls;
  /** How long the making of a connection may take, in milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** Absent: `none`. */
  readonly pooling?: Pooling | undefined;
};

/** Whether a connection is one session of the server, or another one in each transaction. */
export type Pooling = 'none' | 'transaction';

/** `verify`: the server shows a certificate for its name, of a known authority or of the one in `caFile`. */
export type Tls =
  | { readonly mode: 'off' }
  | { readonly mode: 'unverified' }
  | { readonly mode: 'verify'; readonly caFile: string | null };

/** What people call it by; no secret. */
export const placeOf = ({ host, port, database }: PostgresAddress): string => `${host}:${port}/${database}`;

export const hostsOf = ({ host, port, others = [] }: PostgresAddress): readonly [Host, ...Host[]] => [
  { host, port },
  ...others,
];
