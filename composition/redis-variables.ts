import { Secret } from '../domain/secret.ts';

/** Where Redis is. An address is fields and no URL: drivers put URLs into their errors. */
export type RedisLocation = {
  readonly source: RedisVariable;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: Secret<'redis-password'>;
  readonly db: number;
};

export type RedisVariable = 'REDIS_URL' | 'REDIS_PRIVATE_URL' | 'REDIS_HOST';

export type RedisVariables = {
  readonly REDIS_URL?: string | undefined;
  readonly REDIS_PRIVATE_URL?: string | undefined;
  readonly REDIS_HOST?: string | undefined;
  readonly REDIS_PORT: number;
  readonly REDIS_PASSWORD?: Secret<'redis-password'> | undefined;
};

const defaultPort = 6379;

/** The first that is set is taken, for hosting platforms inject several. */
export const locateRedis = (variables: RedisVariables): RedisLocation | undefined => {
  const { REDIS_URL, REDIS_PRIVATE_URL } = variables;
  if (REDIS_URL !== undefined) return fromUrl('REDIS_URL', REDIS_URL);
  if (REDIS_PRIVATE_URL !== undefined) return fromUrl('REDIS_PRIVATE_URL', REDIS_PRIVATE_URL);
  const { REDIS_HOST: host, REDIS_PORT: port, REDIS_PASSWORD: password } = variables;
  if (host === undefined) return undefined;
  return {
    source: 'REDIS_HOST',
    host,
    port,
    tls: false,
    db: 0,
    ...(password && { password }),
  };
};

/** `redis://[[user]:password@]host[:port][/database]`, `rediss:` for TLS. Parameters behind a `?` are left alone. */
export const isRedisUrl = (text: string): boolean => {
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || url.hash !== '')
    return false;
  return url.port !== '0' && /^\/?\d{0,4}$/.test(url.pathname) && isDecodable(url.username + url.password);
};

const fromUrl = (source: RedisVariable, text: string): RedisLocation => {
  const { protocol, hostname, port, username, password, pathname } = new URL(text);
  return {
    source,
    // A URL keeps an IPv6 address in brackets; a socket wants none.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? defaultPort : Number(port),
    tls: protocol === 'rediss:',
    db: Number(pathname.slice(1)),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: new Secret<'redis-password'>(decodeURIComponent(password)) }),
  };
};

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};
