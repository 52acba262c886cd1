import { connect, type Socket } from 'node:net';
import type { Shot } from './shots.ts';

/** The longest that an answer may take. */
const patienceMs = 15_000;

export type RawAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
};

/** A connection that is kept for as long as the server keeps it: a body that was misread would show in the next answer. */
export class RawClient implements Disposable {
  readonly #port: number;
  #socket: Socket | undefined;
  #received = '';
  #wake: (() => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Status 0 if nothing comes that is an answer. */
  async ask(bytes: string, method: string): Promise<RawAnswer> {
    const isKept = this.#socket !== undefined;
    const answer = await this.#exchange(bytes, method);
    // A server may close a kept connection just as we send: then, and only then, it has not seen the request.
    return answer.status === 0 && isKept ? this.#exchange(bytes, method) : answer;
  }

  async #exchange(bytes: string, method: string): Promise<RawAnswer> {
    const socket = this.#socket ?? this.#dial();
    this.#received = '';
    socket.write(bytes, 'latin1');
    const untilMs = performance.now() + patienceMs;
    for (;;) {
      const answer = parseAnswer(this.#received, method);
      if (answer !== undefined) {
        if (answer.headers.get('connection') === 'close') this.#hangUp();
        return answer;
      }
      if (this.#socket !== socket || performance.now() > untilMs) {
        this.#hangUp();
        return { status: 0, headers: new Map(), body: '' };
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #dial(): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      if (this.#socket === socket) this.#received += String(chunk);
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#wake?.();
    });
    this.#socket = socket;
    return socket;
  }

  #hangUp(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  [Symbol.dispose](): void {
    this.#hangUp();
  }
}

/** An answer once it is whole, interim ones (1xx) left out. Ours all have a length. */
const parseAnswer = (received: string, method: string): RawAnswer | undefined => {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = received.slice(0, end).split('\r\n');
  const rest = received.slice(end + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0);
  if (status >= 100 && status < 200) return parseAnswer(rest, method);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const length = method === 'HEAD' || status === 204 || status === 304 ? 0 : headers.get('content-length');
  if (length === undefined) throw new Error(`an answer without a length: ${first}`);
  return rest.length < Number(length) ? undefined : { status, headers, body: rest.slice(0, Number(length)) };
};

export const toBytes = ({ method, target, headers, body }: Shot): string => {
  const payload = body === undefined ? '' : Buffer.from(body, 'utf8').toString('latin1');
  const lines = headers.map(([name, value]) => `${name}: ${Buffer.from(value, 'utf8').toString('latin1')}`);
  if (body !== undefined) lines.push(`content-length: ${payload.length}`);
  return [`${method} ${target} HTTP/1.1`, 'host: kith.test', ...lines, '', payload].join('\r\n');
};

/** Asks for JSON with JSON. */
export const ask = async (
  client: RawClient,
  method: string,
  target: string,
  body?: object,
  token?: string,
): Promise<{ readonly status: number; readonly json: unknown }> => {
  const json = body && JSON.stringify(body);
  const headers = [
    ...(json === undefined ? [] : [['content-type', 'application/json'] as const]),
    ...(token === undefined ? [] : [['authorization', `Bearer ${token}`] as const]),
  ];
  const answer = await client.ask(toBytes({ operation: '', method, target, headers, body: json }), method);
  return {
    status: answer.status,
    json: answer.body === '' ? undefined : (JSON.parse(answer.body) as unknown),
  };
};
