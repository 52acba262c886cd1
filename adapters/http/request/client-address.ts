import { BlockList, isIP } from 'node:net';
import type { ServerRequest } from 'srvx';

/** Where a request comes from, always in the same form for the same place; `undefined` if nobody knows. */
export type OriginOf = (request: ServerRequest) => string | undefined;

/** A longer X-Forwarded-For is ignored as a whole: no chain of proxies is that long. */
const maxForwardedLength = 1024;

/**
 * Reads the client's address. X-Forwarded-For counts only if a proxy in `trustedProxies` (addresses or CIDRs) sent it.
 * Each proxy appends the address that it was called from, so the header is read from the right, up to the first address
 * that is not trusted: that is the client. What stands left of it the client may have made up.
 */
export const createOriginOf = (trustedProxies: readonly string[]): OriginOf => {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [text = '', prefix] = range.split('/');
    const address = canonicalAddress(text) ?? text;
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    // A range of IPv4 addresses written as IPv6 (`::ffff:10.0.0.0/104`): the first 96 bits are the prefix `::ffff:`.
    else if (isIP(text) === 6 && family === 'ipv4')
      trusted.addSubnet(address, Math.max(0, Number(prefix) - 96), family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string): boolean =>
    trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (request) => {
    const socket = request.runtime?.node?.req.socket;
    let client = canonicalAddress((socket === undefined ? request.ip : socket.remoteAddress) ?? '');
    // A closed socket has no address any more. All of those count as one place, or to hang up would be a way around
    // limits.
    if (client === undefined) return socket === undefined ? undefined : 'gone';
    if (!isTrusted(client)) return networkOf(client);
    const forwarded = request.headers.get('x-forwarded-for') ?? '';
    const hops = forwarded.length > maxForwardedLength ? [] : forwarded.split(',');
    for (const hop of hops.reverse()) {
      const address = canonicalAddress(hop.trim());
      // No address: some proxy writes the header in a way that is unknown here, so what stands left of it is not
      // trusted.
      if (address === undefined) break;
      client = address;
      if (!isTrusted(address)) break;
    }
    return networkOf(client);
  };
};

/**
 * One text for each address: lower case, compressed by RFC 5952, without brackets, port or zone; an IPv4 address that
 * is mapped into IPv6 (`::ffff:192.0.2.1`, as a dual-stack socket reports it) is the IPv4 address. `undefined` for any
 * other text.
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

/**
 * What one customer gets from a provider: an IPv4 address, or an IPv6 /64, in which they can use any address (RFC
 * 6177).
 */
export const networkOf = (address: string): string => {
  if (isIP(address) === 4) return address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail];
  return `${groups.slice(0, 4).join(':')}::/64`;
};
