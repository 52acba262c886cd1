import { BlockList, isIP } from 'node:net';
import type { ServerRequest } from 'srvx';

/** Where a request comes from, in one form for each place; `undefined` if nobody knows. */
export type OriginOf = (request: ServerRequest) => string | undefined;

/** Longer ones are refused as a whole: no chain of proxies is that long. */
const maxForwardedLength = 1024;

/**
 * Reads the client's address. X-Forwarded-For counts only where the one who sent it is in `trustedProxies` (addresses or
 * CIDRs), and only as far back as those who appended to it are: what stands left of the first stranger was made up by them.
 */
export const createOriginOf = (trustedProxies: readonly string[]): OriginOf => {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [text = '', prefix] = range.split('/');
    const address = canonicalAddress(text) ?? text;
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    // A mapped range: its first 96 bits are the mapping.
    else if (isIP(text) === 6 && family === 'ipv4')
      trusted.addSubnet(address, Math.max(0, Number(prefix) - 96), family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string): boolean =>
    trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (request) => {
    const socket = request.runtime?.node?.req.socket;
    let client = canonicalAddress((socket === undefined ? request.ip : socket.remoteAddress) ?? '');
    // A socket that was closed meanwhile has no address any more. To send and hang up must not be a way around a limit.
    if (client === undefined) return socket === undefined ? undefined : 'gone';
    if (!isTrusted(client)) return networkOf(client);
    const forwarded = request.headers.get('x-forwarded-for') ?? '';
    const hops = forwarded.length > maxForwardedLength ? [] : forwarded.split(',');
    for (const hop of hops.reverse()) {
      const address = canonicalAddress(hop.trim());
      // What is no address was not written by a proxy that we know how to read.
      if (address === undefined) break;
      client = address;
      if (!isTrusted(address)) break;
    }
    return networkOf(client);
  };
};

/**
 * One text for each address: lower case, compressed by RFC 5952, without brackets, port or zone; an IPv4 address that is
 * mapped into IPv6 (`::ffff:192.0.2.1`, as a dual-stack socket reports it) is the IPv4 address. `undefined` for any other
 * text.
 */
export const canonicalAddress = (text: string): string | undefined => {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([^[\]]*))$/.exec(text) ?? [];
  const address = (bracketed ?? withoutPort(plain ?? '')).replace(/%.*$/, '');
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6) return undefined;
  const url = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(url ?? '') ?? [];
  if (high === undefined || low === undefined) return url;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join('.');
};

const withoutPort = (text: string): string => text.replace(/^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/, '$1');

/** What one customer is given, who can choose freely inside of it: an IPv4 address, an IPv6 /64 (RFC 6177). */
export const networkOf = (address: string): string => {
  if (isIP(address) === 4) return address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail];
  return `${groups.slice(0, 4).join(':')}::/64`;
};
