/**
 * What Kith may do where it keeps its data, and no more. docs/security.md shows the same to operators; the canary suite
 * runs a whole Kith under it.
 */

/** The rules of a Redis user (`ACL SETUSER kith ...`): its own keys, its own channel, the commands that it sends. */
export const redisAcl = (password: string, prefix = 'kith:'): readonly string[] => [
  'on',
  `>${password}`,
  `~${prefix}*`,
  `&${prefix}bus`,
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
  `grant select, insert, delete on cache_journal to ${role}`,
  `grant select, insert, update, delete on login_attempts to ${role}`,
];
