import { ok } from '../../../domain/result.ts';
import type { Secret } from '../../../domain/secret.ts';
import { invalid, type Parsed } from '../../../domain/text.ts';
import { hostOf } from '../../system/address.ts';

/** Where a database of Upstash is. */
export type RestUrl = {
  /** Without a slash at its end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
};

/** Where it is, and who we are. */
export type RestAddress = RestUrl & { readonly token: Secret<'upstash-token'> };

const isLoopback = (host: string): boolean => host === 'localhost' || host === '127.0.0.1' || host === '::1';

/**
 * The URL of the REST API: `https://name.upstash.io`. The token must not travel in the clear, so `http:` is for this machine
 * alone. An issue never repeats the URL.
 */
export const parseRestUrl = (input: unknown): Parsed<RestUrl> => {
  const expected = 'a URL like https://name.upstash.io, without the token; http:// for localhost alone';
  if (typeof input !== 'string') return invalid('invalid-type', expected);
  const url = URL.parse(input);
  if (url === null || !/^https?:$/.test(url.protocol) || url.port === '0')
    return invalid('invalid-format', expected);
  const host = hostOf(url);
  const tls = url.protocol === 'https:';
  if (`${url.username}${url.password}${url.search}${url.hash}` !== '' || !(tls || isLoopback(host)))
    return invalid('invalid-format', expected);
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  return ok({ url: `${url.origin}${url.pathname}`.replace(/\/+$/, ''), host, port, tls });
};

/** What may stand in a header behind `Bearer `: RFC 6750, b64token. */
export const isRestToken = (token: string): boolean => /^[\w.~+/-]+=*$/.test(token);
