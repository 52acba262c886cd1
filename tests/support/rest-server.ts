import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createClient } from 'redis';
import type { RestAddress } from '../../adapters/redis/rest/rest-url.ts';
import { Secret } from '../../domain/secret.ts';
import { resetConnection } from './fault-proxy.ts';
import { openRedis, type RedisServer } from './redis-server.ts';

/**
 * What becomes of requests: `pass`; `hang` (never answered); `cut` (reset before anything is run), `cut-after` (run, then
 * reset); `{ status, body }` (answered so, and not run); `{ afterMs }` (answered that much later); `redirect` (to
 * `/elsewhere`, which answers); `endless` (an answer without an end).
 */
export type RestFault =
  | 'pass'
  | 'hang'
  | 'cut'
  | 'cut-after'
  | 'redirect'
  | 'endless'
  | { readonly status: number; readonly body: string }
  | { readonly afterMs: number };

/** A request as it came: its path, and the commands in it. */
export type RestRequest = { readonly path: string; readonly commands: readonly (readonly string[])[] };

/**
 * Upstash's REST API over a real Redis, as far as a cache uses it: `/` for one command, `/pipeline` for a list of them, a
 * bearer token, `{ "result" }` and `{ "error" }`.
 */
export interface RestServer extends AsyncDisposable {
  readonly address: RestAddress;
  /** The Redis that scripts and writes run on. */
  readonly redis: RedisServer;
  /** What came so far. */
  readonly requests: readonly RestRequest[];
  /** How many connections were made so far. */
  connections(): number;
  /** How many of them are open. */
  open(): number;
  set(fault: RestFault): void;
  /** From now on plain reads are answered as everything is at this moment, as by a replica that is behind. */
  lag(): Promise<void>;
  /** Resets every connection; new ones are served. */
  reset(): void;
  /** Closes every connection, and takes no more. */
  close(): Promise<void>;
}

export const readOnlyToken: Secret<'upstash-token'> = new Secret('CANARY-a-token-that-may-read');
const writingToken = 'CANARY-a-token-that-may-write';

/** A request may be no larger than this, as with the smallest plan. */
const maxRequestBytes = 1_000_000;

const plainReads: ReadonlySet<string> = new Set(['GET', 'GETRANGE', 'MGET', 'PTTL', 'EXISTS', 'SCAN']);
const allowedToRead: ReadonlySet<string> = new Set([...plainReads, 'PING']);

export const openRestServer = async (): Promise<RestServer> => {
  const redis = await openRedis();
  const client = createClient({ socket: { host: '127.0.0.1', port: redis.port, reconnectStrategy: 100 } });
  client.on('error', () => undefined);
  await client.connect();
  const requests: RestRequest[] = [];
  const sockets = new Set<Socket>();
  let fault: RestFault = 'pass';
  let connections = 0;
  let replica: RedisServer | undefined;

  const run = async (command: readonly string[], mayWrite: boolean): Promise<object> => {
    const name = command[0]?.toUpperCase() ?? '';
    if (!mayWrite && !allowedToRead.has(name))
      return { error: `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command` };
    try {
      const isStale = replica !== undefined && plainReads.has(name);
      return {
        result: (await (isStale ? replica?.command(...command) : client.sendCommand([...command]))) ?? null,
      };
    } catch (error) {
      return { error: error instanceof Error ? error.message : 'ERR' };
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const reply = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const body = await bodyOf(request);
    const path = request.url ?? '';
    const parsed: unknown = parse(body);
    const given = path === '/' ? [parsed] : parsed;
    const commands = Array.isArray(given) ? given.filter(isCommand) : [];
    requests.push({ path, commands });
    const present = fault;
    if (misbehave(present, request, response)) return;
    const token = request.headers.authorization;
    const mayWrite = token === `Bearer ${writingToken}`;
    if (!mayWrite && token !== `Bearer ${Secret.reveal(readOnlyToken)}`)
      return reply(401, { error: 'WRONGPASS invalid or missing auth token' });
    if (body.length > maxRequestBytes)
      return reply(413, { error: `ERR max request size exceeded. Limit: ${maxRequestBytes} bytes` });
    if (commands.length === 0 || commands.length !== (Array.isArray(given) ? given.length : 0))
      return reply(400, { error: 'ERR failed to parse command' });
    // In their order, since they are sent in it on one connection.
    const results = await Promise.all(commands.map((command) => run(command, mayWrite)));
    if (present === 'cut-after') return resetConnection(request.socket);
    if (typeof present === 'object' && 'afterMs' in present)
      await new Promise((resolve) => setTimeout(resolve, present.afterMs));
    const [only = {}] = results;
    if (path === '/') return reply('error' in only ? 400 : 200, only);
    reply(200, results);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => resetConnection(request.socket));
  });
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  const reset = (): void => {
    for (const socket of sockets) resetConnection(socket);
  };
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    reset();
    await closed;
  };
  return {
    address: {
      ...{ url: `http://127.0.0.1:${port}`, host: '127.0.0.1', port, tls: false },
      token: new Secret(writingToken),
    },
    redis,
    requests,
    connections: () => connections,
    open: () => sockets.size,
    set: (next) => {
      fault = next;
    },
    lag: async () => {
      const behind = await openRedis();
      replica = behind;
      const names = await redis.command('KEYS', '*');
      for (const name of Array.isArray(names) ? names.map(String) : [])
        await behind.command('SET', name, String(await redis.command('GET', name)));
    },
    reset,
    close,
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await close();
      client.destroy();
      await replica?.[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
};

/** Whether a fault took the place of the answer. */
const misbehave = (fault: RestFault, request: IncomingMessage, response: ServerResponse): boolean => {
  if (typeof fault === 'object') {
    if (!('status' in fault)) return false;
    response.writeHead(fault.status);
    response.end(fault.body);
  } else if (fault === 'pass' || fault === 'cut-after') return false;
  else if (fault === 'cut') resetConnection(request.socket);
  else if (fault === 'redirect') {
    if (request.url === '/elsewhere') return false;
    response.writeHead(307, { location: '/elsewhere' });
    response.end();
  } else if (fault === 'endless') {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  }
  return true;
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

const isCommand = (item: unknown): item is readonly string[] =>
  Array.isArray(item) && item.length > 0 && item.every((part) => typeof part === 'string');
