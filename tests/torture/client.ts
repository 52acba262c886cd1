import { Agent, request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, Source } from './facts.ts';
import type { ServerProcess } from './server-process.ts';

/** A request of the HTTP API. */
export type Ask = {
  /** For tables and messages: what it is, without ids. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: object;
  readonly authoritative?: boolean;
};

/** `body` is what the answer's JSON says, `undefined` if there was none. */
export type Answer = { readonly call: Call; readonly body: unknown };

const patienceMs = 12_000;
/** So that servers that stopped do not hold all clients. */
const maxPerServer = 8;

/** HTTP to several servers over kept connections, with the times of each request on one monotonic clock. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #pending = new Map<number, number>();

  /** Whether a server is not already keeping its share of the clients waiting. */
  hasRoom({ number }: ServerProcess): boolean {
    return (this.#pending.get(number) ?? 0) < maxPerServer;
  }

  async ask(server: ServerProcess, ask: Ask): Promise<Answer> {
    const { number, incarnation } = server;
    this.#pending.set(number, (this.#pending.get(number) ?? 0) + 1);
    const startMs = performance.now();
    const reply = await this.#send(server.port, ask);
    const endMs = performance.now();
    this.#pending.set(number, (this.#pending.get(number) ?? 1) - 1);
    const { status, cacheStatus, text } = reply;
    // Nobody there: the next attempt need not come at once.
    if (status === 0) await sleep(25);
    const call = {
      name: ask.name,
      server: incarnation,
      startMs,
      endMs,
      status,
      source: sourceOf(cacheStatus),
    };
    return { call, body: text === '' ? undefined : parseJson(text) };
  }

  #send(port: number, { method, path, token, body, authoritative }: Ask): Promise<Reply> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(authoritative === true && { 'cache-control': 'no-cache' }),
      ...(payload !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
      }),
    };
    return new Promise((resolve) => {
      const none: Reply = { status: 0, cacheStatus: '', text: '' };
      const request = send(
        { agent: this.#agent, host: '127.0.0.1', port, method, path, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => {
            text += part;
          });
          response.on('error', () => done(none));
          response.on('close', () => done(none));
          response.on('end', () => {
            const cacheStatus = response.headers['cache-status'];
            done({ status: response.statusCode ?? 0, cacheStatus: String(cacheStatus ?? ''), text });
          });
        },
      );
      const timer = setTimeout(() => request.destroy(), patienceMs);
      const done = (reply: Reply): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      request.on('error', () => done(none));
      request.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

type Reply = { readonly status: number; readonly cacheStatus: string; readonly text: string };

const sourceOf = (cacheStatus: string): Source => {
  if (cacheStatus.includes('detail=memory')) return 'memory';
  if (cacheStatus.includes('detail=redis')) return 'redis';
  return cacheStatus.includes('fwd=') ? 'database' : 'unknown';
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
