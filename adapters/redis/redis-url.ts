import { ok } from '../../domain/result.ts';
import { Secret } from '../../domain/secret.ts';
import { invalid, type Parsed } from '../../domain/text.ts';
import { decodePart, hostOf } from '../system/address.ts';

/** Where Redis is and who we are: fields, never a URL, for node-redis puts URLs into its errors. */
export type RedisAddress = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Certificates of authorities (PEM) that are trusted in the place of those that the runtime knows. */
  readonly ca?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: Secret<'redis-password'> | undefined;
  readonly db?: number | undefined;
};

export const defaultRedisPort = 6379;

/**
 * A connection URL: `redis://[[user]:password@]host[:port][/database]`, `rediss:` for TLS. Parameters behind a `?` are left
 * alone. An issue never repeats the URL, for the password in it.
 */
export const parseRedisUrl = (input: unknown): Parsed<RedisAddress> => {
  const expected = 'a URL like redis://:password@host:6379/0 or rediss://...';
  if (typeof input !== 'string') return invalid('invalid-type', expected);
  const url = URL.parse(input);
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || url.hash !== '')
    return invalid('invalid-format', expected);
  const [username, password] = [url.username, url.password].map(decodePart);
  if (
    url.port === '0' ||
    !/^\/?\d{0,4}$/.test(url.pathname) ||
    username === undefined ||
    password === undefined
  )
    return invalid('invalid-format', expected);
  return ok({
    host: hostOf(url),
    port: url.port === '' ? defaultRedisPort : Number(url.port),
    tls: url.protocol === 'rediss:',
    db: Number(url.pathname.slice(1)),
    ...(username !== '' && { username }),
    ...(password !== '' && { password: new Secret(password) }),
  });
};
