import { isIP } from 'node:net';
import type { ServerRequest } from 'srvx';
import type { ProblemCode } from './problem-table.ts';

// A host name, an IPv4 address or a bracketed IPv6 address, and a port (RFC 9110, section 7.2).
const validHost = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)(?::\d{1,5})?$/;
const maxHostLength = 255;

// A `.` or `..` segment, encoded or not, a backslash, a fragment, a NUL: all of which some parser on the way resolves.
const badPath = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|[\\#\0]|%00/i;

/**
 * Whether a request's Host and target are what they seem. A runtime that builds the URL by pasting Host before the path
 * (`Deno.serve`) runs `/metrics` for `GET /x` with `Host: a/metrics?`, past the rules of a proxy that saw `/x`.
 */
export const guard = (
  request: ServerRequest,
): Extract<ProblemCode, 'bad-host' | 'bad-target' | 'expectation-failed'> | undefined => {
  const expectation = request.headers.get('expect');
  if (expectation !== null && expectation.toLowerCase() !== '100-continue') return 'expectation-failed';
  // The request as it came over the wire, where there is one: any host on node:http has it.
  const raw = request.runtime?.node?.req;
  const host = request.headers.get('host');
  if (host === null) {
    // RFC 9112, section 3.2: HTTP/1.1 must have one. A `Request` made by a host application has its URL instead.
    if (raw?.httpVersion === '1.1') return 'bad-host';
  } else if (!isHost(host)) {
    return 'bad-host';
  }
  return raw?.url === undefined ? undefined : checkTarget(raw.url, host);
};

/**
 * Whether Host is a name that anybody can register. Such a name, pointed at a private address, makes a browser inside ask
 * for a page outside (DNS rebinding); who listens privately and asks for no token answers to addresses, to names of one
 * label and to those that are never public (RFC 6761, RFC 6762, ICANN's `.internal`).
 */
export const isPublicName = (request: Request): boolean => {
  const host = request.headers.get('host') ?? '';
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
  if (name.startsWith('[') || isIP(name) !== 0) return false;
  return name.includes('.') && !/\.(?:localhost|local|internal)$/.test(name);
};

const checkTarget = (target: string, host: string | null): 'bad-host' | 'bad-target' | undefined => {
  let path = target;
  if (!target.startsWith('/') && target !== '*') {
    // The absolute form, which only proxies need to send (RFC 9112, section 3.2.2).
    const [, authority, rest] = /^https?:\/\/([^/?]*)(.*)$/i.exec(target) ?? [];
    if (authority === undefined || rest === undefined) return 'bad-target';
    if (!isHost(authority) || authority.toLowerCase() !== (host ?? authority).toLowerCase())
      return 'bad-host';
    path = rest;
  }
  const query = path.indexOf('?');
  return badPath.test(query === -1 ? path : path.slice(0, query)) ? 'bad-target' : undefined;
};

/** The last one that was well-formed: most requests name the same. */
let lastHost = '';

// `canParse` for what the pattern lets through and `new URL` would throw at: a port of 99999, an address of colons.
const isHost = (text: string): boolean => {
  if (text === lastHost && text !== '') return true;
  if (text.length > maxHostLength || !validHost.test(text) || !URL.canParse(`http://${text}`)) return false;
  lastHost = text;
  return true;
};
