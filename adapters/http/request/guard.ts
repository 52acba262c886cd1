import { isIP } from 'node:net';
import type { ServerRequest } from 'srvx';
import type { ProblemCode } from '../answer/problem-table.ts';

// A host name, an IPv4 address or a bracketed IPv6 address, and a port (RFC 9110, section 7.2).
const validHost = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)(?::\d{1,5})?$/;
const maxHostLength = 255;

// A `.` or `..` segment, encoded or not, a backslash, a fragment, a NUL: proxies and servers differ in what they make
// of these.
const badPath = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|[\\#\0]|%00/i;

/**
 * What is wrong with a request's Host, target or Expect; `undefined` if nothing is. Some runtimes (`Deno.serve`) build
 * the URL from Host followed by the path. There `GET /x` with `Host: a/metrics?` would be answered by `/metrics`,
 * although a proxy in front saw `/x` and let it through.
 */
export const guard = (
  request: ServerRequest,
): Extract<ProblemCode, 'bad-host' | 'bad-target' | 'expectation-failed'> | undefined => {
  const expectation = request.headers.get('expect');
  if (expectation !== null && expectation.toLowerCase() !== '100-continue') return 'expectation-failed';
  // The request as it was sent. Only requests that came through node:http have it.
  const raw = request.runtime?.node?.req;
  const host = request.headers.get('host');
  if (host === null) {
    // HTTP/1.1 must have one (RFC 9112, section 3.2). A `Request` that a host application made needs none: it has a
    // URL.
    if (raw?.httpVersion === '1.1') return 'bad-host';
  } else if (!isHost(host)) {
    return 'bad-host';
  }
  return raw?.url === undefined ? undefined : checkTarget(raw.url, host);
};

/**
 * Whether Host is a name that anybody can register. An attacker can point such a name at a private address; then a page
 * of theirs, opened inside the network, may read what is at that address (DNS rebinding). A listener that asks for no
 * token therefore answers only to addresses, to names without a dot, and to names that are never public (RFC 6761, RFC
 * 6762, ICANN's `.internal`).
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

/** The last Host that was well-formed. Most requests name the same, and it need not be checked again. */
let lastHost = '';

// `canParse` refuses what the pattern lets through but `new URL` would throw at, such as port 99999 or `[:::]`.
const isHost = (text: string): boolean => {
  if (text === lastHost && text !== '') return true;
  if (text.length > maxHostLength || !validHost.test(text) || !URL.canParse(`http://${text}`)) return false;
  lastHost = text;
  return true;
};
