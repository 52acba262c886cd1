import type { RedisAddress } from '../adapters/redis/redis-url.ts';
import type { RestAddress, RestUrl } from '../adapters/redis/rest/rest-url.ts';
import type { Secret } from '../domain/secret.ts';

/** Where Redis is, and which variable said so. */
export type RedisLocation =
  | (RedisAddress & { readonly source: 'REDIS_URL' | 'REDIS_PRIVATE_URL' | 'REDIS_HOST' })
  | (RestAddress & { readonly source: 'UPSTASH_REDIS_REST_URL' });

export type RedisVariables = {
  readonly REDIS_URL?: RedisAddress | undefined;
  readonly REDIS_PRIVATE_URL?: RedisAddress | undefined;
  readonly UPSTASH_REDIS_REST_URL?: RestUrl | undefined;
  readonly UPSTASH_REDIS_REST_TOKEN?: Secret<'upstash-token'> | undefined;
  readonly REDIS_HOST?: string | undefined;
  readonly REDIS_PORT: number;
  readonly REDIS_PASSWORD?: Secret<'redis-password'> | undefined;
  /** What is in the file. */
  readonly REDIS_CA_FILE?: string | undefined;
};

/** The first that is set is taken, because hosting platforms set several. */
export const locateRedis = (variables: RedisVariables): RedisLocation | undefined => {
  const { REDIS_URL, REDIS_PRIVATE_URL, REDIS_CA_FILE: ca } = variables;
  const trusted = ca === undefined ? {} : { ca };
  if (REDIS_URL !== undefined) return { source: 'REDIS_URL', ...REDIS_URL, ...trusted };
  if (REDIS_PRIVATE_URL !== undefined)
    return { source: 'REDIS_PRIVATE_URL', ...REDIS_PRIVATE_URL, ...trusted };
  const { UPSTASH_REDIS_REST_URL: rest, UPSTASH_REDIS_REST_TOKEN: token } = variables;
  if (rest !== undefined && token !== undefined) return { source: 'UPSTASH_REDIS_REST_URL', ...rest, token };
  const { REDIS_HOST: host, REDIS_PORT: port, REDIS_PASSWORD: password } = variables;
  if (host === undefined) return undefined;
  return { source: 'REDIS_HOST', host, port, tls: false, db: 0, ...(password && { password }) };
};
