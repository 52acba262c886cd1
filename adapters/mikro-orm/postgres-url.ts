import { ok } from '../../domain/result.ts';
import { Secret } from '../../domain/secret.ts';
import { invalid, type Parsed } from '../../domain/text.ts';
import { decodePart } from '../system/address.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { parseHosts } from './postgres-hosts.ts';
import { parseParameters } from './postgres-parameters.ts';

/** `postgres://user:password@host1:5432,host2/database?name=value`; hosts may be missing, for a parameter names them. */
const form = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^@/?#]*)\/([^/?#]*)(?:\?([^#]*))?$/;

/**
 * A connection URL as libpq takes it (PostgreSQL manual, 34.1.1.2), with one host or several, or the folder of a Unix socket
 * as a host (`%2Frun`) or as the parameter `host`. postgres-parameters.ts says which parameters are obeyed and which
 * refused. An issue never repeats the URL, for the password in it.
 */
export const parseDatabaseUrl = (input: unknown): Parsed<PostgresAddress> => {
  const expected = 'a URL like postgres://user:password@host:5432/database is expected';
  if (typeof input !== 'string') return invalid('invalid-type', expected);
  const [, userInfo, authority, path, query] = form.exec(input) ?? [];
  if (userInfo === undefined || authority === undefined || path === undefined)
    return invalid('invalid-format', expected);
  const colon = userInfo.indexOf(':');
  const [user, password, database] = [
    colon < 0 ? userInfo : userInfo.slice(0, colon),
    colon < 0 ? '' : userInfo.slice(colon + 1),
    path,
  ].map(decodePart);
  if (!user || password === undefined || !database) return invalid('invalid-format', expected);
  const parameters = parseParameters(new URLSearchParams(query));
  if (!parameters.ok) return parameters;
  const { hosts: named, ports, ...obeyed } = parameters.value;
  const hosts = parseHosts(authority, named, ports);
  if (hosts === undefined) return invalid('invalid-format', expected);
  const [{ host, port }, ...others] = hosts;
  return ok({
    host,
    port,
    ...(others.length > 0 && { others }),
    database,
    user,
    password: password === '' ? null : new Secret(password),
    ...obeyed,
  });
};
