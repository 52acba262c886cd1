import { decodePart } from '../system/address.ts';
import type { Host } from './postgres-address.ts';

const defaultPort = 5432;

/**
 * The hosts of a connection URL: those of its authority, or those that parameters name, each with its port or with the one
 * that is for all; `undefined` where they cannot be read, or there is none.
 */
export const parseHosts = (
  authority: string,
  named: string | null,
  ports: string | null,
): readonly [Host, ...Host[]] | undefined => {
  const places = (named ?? authority).split(',');
  const numbers = ports?.split(',') ?? [];
  if (numbers.length > 1 && numbers.length !== places.length) return undefined;
  const hosts: Host[] = [];
  for (const [at, place] of places.entries()) {
    const extra = numbers.length > 1 ? numbers[at] : numbers[0];
    const host = named === null ? parseHost(place, extra) : toHost(place, extra);
    if (host === undefined) return undefined;
    hosts.push(host);
  }
  const [first, ...others] = hosts;
  return first && [first, ...others];
};

/** `host:port`; an IPv6 address has brackets around it, and the folder of a socket its slashes as %2F. */
const parseHost = (place: string, extraPort: string | undefined): Host | undefined => {
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(place) ?? [];
  const host = bracketed ?? (plain === undefined ? undefined : decodePart(plain));
  return host === undefined ? undefined : toHost(host, port ?? extraPort);
};

const toHost = (host: string, port: string | undefined): Host | undefined => {
  const number = port === undefined || port === '' ? defaultPort : Number(port);
  const isRight = /^[^\s,@\0]+$/.test(host) && Number.isInteger(number) && number > 0 && number < 65_536;
  return isRight ? { host, port: number } : undefined;
};
