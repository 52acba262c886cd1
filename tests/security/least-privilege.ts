import { variableNames } from '../../composition/config.ts';

/**
 * What Kith may do where it runs and where it keeps its data, and no more. docs/security.md shows the same to operators,
 * which documented.test.ts checks; the canary suite and the suite of the runtimes run a whole Kith under it.
 */

/** The rules of a Redis user (`ACL SETUSER kith ...`): its own keys, its own channels, the commands that it sends. */
export const redisAcl = (password: string, prefix = 'kith:'): readonly string[] => [
  'on',
  `>${password}`,
  `~${prefix}*`,
  `&${prefix}*`,
  '-@all',
  // The handshake and the probe; the bus; scripts and what they call; look-ups of many; WAIT, and what /health/cache shows.
  ...['+hello', '+auth', '+select', '+ping', '+set', '+publish', '+subscribe'],
  ...['+eval', '+evalsha', '+getrange', '+del', '+unlink', '+incrby', '+expire', '+pttl'],
  ...['+mget', '+scan', '+wait', '+info'],
];

/** The rights of the role that serves; the role that owns the tables runs the migrations and nothing else. */
export const postgresGrants = (role: string): readonly string[] => [
  `grant usage on schema public to ${role}`,
  `grant select on kith_migrations to ${role}`,
  `grant select, insert, update on users to ${role}`,
  `grant select, insert, update, delete on contacts to ${role}`,
  `grant select, insert, delete on idempotency_keys to ${role}`,
  `grant select on contact_counts to ${role}`,
  `grant select on contact_search to ${role}`,
  `grant select, delete on change_log to ${role}`,
  `grant select, insert, update on log_state to ${role}`,
  `grant select, insert, delete on log_notes to ${role}`,
  `grant select, insert, update on log_bounds to ${role}`,
  `grant select, insert, delete on instances to ${role}`,
  `grant select, insert, update, delete on login_attempts to ${role}`,
];

/**
 * What Deno has to allow: the network, its own files, the data directory, the native Argon2 with the file by which it tells
 * which libc there is, the number of cores, and the variables that are looked at. No `--allow-run`.
 */
export const denoPermissions = (at: {
  readonly net: string;
  readonly files: string;
  readonly data: string;
}): readonly string[] => [
  '--no-prompt',
  `--allow-net=${at.net}`,
  `--allow-read=${at.files},${at.data},/usr/bin/ldd`,
  `--allow-write=${at.data}`,
  `--allow-ffi=${at.files}/node_modules/@node-rs`,
  '--allow-sys=cpus',
  `--allow-env=${[...variableNames, ...foreignVariables].sort().join()}`,
];

/** What the libraries look for; to be refused one would end the process. */
const foreignVariables: readonly string[] = [
  // Whether a terminal shows colours.
  ...['NO_COLOR', 'TERM'],
  // Which build of Argon2 to load; MikroORM; `pg`; the Redis client.
  ...['NAPI_RS_*', 'MIKRO_ORM_*', 'PG*', 'USER', 'USERNAME', 'NODE_PG_FORCE_NATIVE'],
  ...['REDIS_EMIT_DIAGNOSTICS', 'REDIS_DEBUG_MAINTENANCE'],
];
