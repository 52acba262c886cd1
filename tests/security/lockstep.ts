/** The same requests, byte for byte and in the same order, to several servers, whose answers must then be the same. */
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { at } from '../support/json.ts';
import { type Server, startServer } from './server.ts';
import { aim, type Names, type Shot, shots } from './shots.ts';

export const root = { email: 'root@example.com', password: 'the horse battery of the root' };
const password = 'another horse battery of somebody';

/** Few, so that one shot that signs everybody out does not spoil many that follow. */
const shotsPerRound = 50;
const patienceMs = 15_000;

/** Node and Deno, in the same state for as long as they are sent the same. */
export const startTwins = (): Promise<readonly Server[]> => {
  const environment = {
    LIMIT_LOGIN_PER_MINUTE: '0',
    LIMIT_REGISTER_PER_MINUTE: '0',
    BOOTSTRAP_ADMIN_EMAIL: root.email,
    BOOTSTRAP_ADMIN_PASSWORD: root.password,
  };
  return Promise.all(
    (['node', 'deno'] as const).map((runtime) =>
      startServer(runtime, environment, ['tests/security/quick-server.ts', '--deterministic']),
    ),
  );
};

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

const ask = async (client: RawClient, method: string, target: string, body?: object, token?: string) => {
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

/** A user with a contact and an administrator, new for each round. */
export const settle = async (client: RawClient, round: number): Promise<Names> => {
  const session = await ask(client, 'POST', '/auth/login', {
    identifier: root.email,
    password: root.password,
  });
  const token = at(session.json, 'access_token');
  const register = async (name: string) =>
    (await ask(client, 'POST', '/auth/register', { email: `${name}@example.net`, username: name, password }))
      .json;
  const [member, chief] = [await register(`member${round}`), await register(`chief${round}`)];
  await ask(client, 'PUT', `/admin/users/${at(chief, 'user', 'id')}/role`, { role: 'admin' }, token);
  const memberToken = at(member, 'access_token');
  const contact = await ask(client, 'POST', '/contacts', { first_name: 'Bob' }, memberToken);
  return {
    id: at(member, 'user', 'id'),
    contact: at(contact.json, 'id'),
    token: memberToken,
    admin: at(chief, 'access_token'),
  };
};

/** What must be the same: all but the id of the request, the time, and what is between two ends of a connection. */
const comparable = ({ status, headers, body }: RawAnswer) => ({
  status,
  headers: [...headers]
    .filter(
      ([name]) => !['date', 'x-request-id', 'connection', 'keep-alive', 'content-length'].includes(name),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1)),
  body: body.replace(/"instance":"[^"]*"/, ''),
});

export type LockstepResult = {
  readonly statuses: ReadonlyMap<number, number>;
  readonly operations: ReadonlySet<string>;
  /** The first few; none if the servers answered alike and never with a 5xx. */
  readonly flaws: readonly string[];
};

const maxFlaws = 5;

export const lockstep = async (
  servers: readonly Server[],
  {
    count,
    seed,
    isWhole = true,
  }: { readonly count: number; readonly seed: number; readonly isWhole?: boolean },
): Promise<LockstepResult> => {
  const clients = servers.map(({ port }) => new RawClient(port));
  const statuses = new Map<number, number>();
  const operations = new Set<string>();
  const flaws: string[] = [];
  let names: readonly Names[] = [];
  for (const [index, shot] of fc.sample(shots(), { numRuns: count, seed }).entries()) {
    if (index % shotsPerRound === 0)
      names = await Promise.all(clients.map((client) => settle(client, index / shotsPerRound)));
    const answers = await Promise.all(
      clients.map((client, n) => client.ask(toBytes(aim(shot, names[n] ?? never())), shot.method)),
    );
    const [first = never(), ...others] = answers.map((answer) =>
      JSON.stringify(isWhole ? comparable(answer) : answer.status),
    );
    const status = answers[0]?.status ?? 0;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status < 300) operations.add(shot.operation);
    const isOdd = others.some((other) => other !== first);
    if (isOdd || status < 200 || status >= 500) {
      const what = `seed ${seed}, shot ${index}: ${JSON.stringify(shot).slice(0, 600)}`;
      flaws.push(`${what}\n${[first, ...others].map((answer) => answer.slice(0, 600)).join('\n')}`);
      if (flaws.length === maxFlaws) break;
    }
  }
  for (const client of clients) client[Symbol.dispose]();
  return { statuses, operations, flaws };
};

const never = (): never => {
  throw new Error('there are as many names and answers as servers');
};
