/** The same requests, byte for byte and in the same order, to several servers, whose answers must then be the same. */
import fc from 'fast-check';
import { at } from '../support/json.ts';
import { ask, type RawAnswer, RawClient, toBytes } from './raw-client.ts';
import { type Server, startServer } from './server.ts';
import { aim, type Names, shots } from './shots.ts';

export const root = { email: 'root@example.com', password: 'the horse battery of the root' };
const password = 'another horse battery of somebody';

/** Few, so that one shot that signs everybody out does not spoil many that follow. */
const shotsPerRound = 50;

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
