import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { NodeRequest, sendNodeResponse } from 'srvx/node';
import { machineReason, messageOf, StartRefused } from '../system/messages.ts';
import { problem } from './answer/problems.ts';
import { toResponse } from './answer/reply.ts';
import { TextResponse } from './answer/text-response.ts';
import { type ConnectionLimits, connectionLimits } from './connection-limits.ts';

type Fetch = (request: Request) => Promise<Response>;

/** A socket that accepts requests. */
export type Listener = {
  /** Without a slash at the end: `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly port: number;
  /** Accepts nothing new, waits for what is being answered, and after `deadlineMs` destroys what is left. */
  close(deadlineMs: number): Promise<void>;
};

/** The limits against slow and large senders; Node's own keep 400 slow connections open for 25 seconds. */
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
  // The guard answers instead when Host is missing, with the headers that every response has.
  requireHostHeader: false,
};

/**
 * Serves on `node:http` through srvx's request and response, on Node and on Deno: `Deno.serve` would build the path
 * from Host, and has no timeouts. srvx's own server is not used, because of its signal handlers and its banner. Rejects
 * with a `StartRefused` when the port is taken or the host is not one of ours.
 */
export const listen = async (
  fetch: Fetch,
  { host, port }: { readonly host: string; readonly port: number },
  { basePath = '', ...limitsOfClients }: Partial<ConnectionLimits> & { readonly basePath?: string } = {},
): Promise<Listener> => {
  const { maxConnections, idleTimeoutMs, keepAliveTimeoutMs } = { ...connectionLimits, ...limitsOfClients };
  const connections = new Connections();
  const handle = toNodeHandler(fetch);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    connections.began(request.socket, response);
    handle(request, response);
  };
  const server = createServer({ ...limits, keepAliveTimeout: keepAliveTimeoutMs }, answer);
  server.maxConnections = maxConnections;
  server.timeout = idleTimeoutMs;
  // The guard answers 417 instead of Node, whose answer would lack the headers that every response has.
  server.on('checkExpectation', answer);
  server.on('connection', (socket: Socket) => connections.opened(socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (connections.mayStillAnswer(socket)) void refuse(socket, error.code ?? '', basePath);
    else socket.destroy();
  });
  const bound = await bind(server, host, port);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: (deadlineMs) => close(server, connections, deadlineMs),
  };
};

/**
 * `fetch` as a handler for `node:http`, Express (`app.use`, before any body parser) and Fastify (on `reply.raw`, in a
 * scope whose content type parser leaves the body alone): a body that was read before is answered `incomplete-body`.
 */
export const toNodeHandler =
  (fetch: Fetch): ((request: IncomingMessage, response: ServerResponse) => void) =>
  (req, res) => {
    fetch(new NodeRequest({ req, res }))
      .then((answer) => {
        // The rest of the request may still arrive, and nobody will read it (RFC 9110, section 15.5.9).
        if (answer.status === 408) res.setHeader('connection', 'close');
        // Node skips a body that nobody read. Deno 2.9 does not, and would never see the next request on the
        // connection.
        if (!req.complete) req.resume();
        return TextResponse.write(answer, res) ? undefined : sendNodeResponse(res, answer);
      })
      .catch(() => res.destroy());
  };

const bind = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      const reason = machineReason(error) ?? 'unknown';
      const told =
        error.code === 'EADDRINUSE'
          ? messageOf('port-in-use', { host, port })
          : messageOf('cannot-listen', { host, port, reason });
      reject(new StartRefused(told));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error(`cannot listen on ${host} port ${port}: no address`));
    });
  });

const close = async (server: Server, connections: Connections, deadlineMs: number): Promise<void> => {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  connections.drain();
  const deadline = setTimeout(() => connections.destroy(), deadlineMs);
  await closed;
  clearTimeout(deadline);
};

/**
 * The open sockets and the responses under way on each. Node's `closeIdleConnections` misses a connection that becomes
 * idle after it, which then holds up the shutdown until the keep-alive timeout.
 */
class Connections {
  readonly #open = new Map<Socket, Set<ServerResponse>>();
  #draining = false;

  opened(socket: Socket): void {
    this.#open.set(socket, new Set());
    socket.once('close', () => this.#open.delete(socket));
  }

  began(socket: Socket, response: ServerResponse): void {
    const responses = this.#open.get(socket);
    responses?.add(response);
    if (this.#draining) response.setHeader('connection', 'close');
    response.on('close', () => {
      responses?.delete(response);
      if (this.#draining && responses?.size === 0) socket.end();
    });
  }

  /** Whether an answer can be written by hand: no other response has begun, with which it would be mixed. */
  mayStillAnswer(socket: Socket): boolean {
    const responses = this.#open.get(socket) ?? [];
    return socket.writable && [...responses].every((response) => !response.headersSent);
  }

  /** Closes the idle connections now, and each other one when it becomes idle. */
  drain(): void {
    this.#draining = true;
    for (const [socket, responses] of this.#open) if (responses.size === 0) socket.destroy();
  }

  destroy(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }
}

const reasons = {
  'headers-too-large': 'Request Header Fields Too Large',
  'request-timeout': 'Request Timeout',
  'malformed-request': 'Bad Request',
};

/**
 * Answers bytes that Node could not parse, like any other bad request. They never became a request, so it is by hand.
 */
const refuse = async (socket: Socket, parserCode: string, basePath: string): Promise<void> => {
  const code =
    parserCode === 'HPE_HEADER_OVERFLOW'
      ? 'headers-too-large'
      : parserCode === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request-timeout'
        : 'malformed-request';
  const response = toResponse(problem(code), crypto.randomUUID(), 'GET', [], basePath);
  const body = await response.text();
  const head = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(
    `HTTP/1.1 ${response.status} ${reasons[code]}\r\n${head}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
};
