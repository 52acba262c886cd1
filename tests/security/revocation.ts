/**
 * Old tokens, asked of two instances at the very moment when what makes them old was acknowledged: a password change, signing
 * out everywhere, a deactivation (by oneself and by an administrator), a lower role. Both instances have just been asked
 * with the token, so that both hold the user in memory.
 */
import { at } from '../support/json.ts';
import { ask, RawClient } from './raw-client.ts';
import type { Server } from './server.ts';

const root = { email: 'root@example.com', password: 'the horse battery of the root' };

/** What the servers need beside a database and Redis. */
export const environment: Readonly<Record<string, string>> = {
  LIMIT_LOGIN_PER_MINUTE: '0',
  LIMIT_REGISTER_PER_MINUTE: '0',
  JWT_TTL: '86400',
  JWT_SECRET: 'kX7/4hVtq0pXbYw1eUo2mR9sZ3dLcJfA8nGgTiK5yBE',
  BOOTSTRAP_ADMIN_EMAIL: root.email,
  BOOTSTRAP_ADMIN_PASSWORD: root.password,
};

const maxTries = 50;

export const allWays = ['password', 'sign-out', 'deactivate', 'deactivated', 'role'] as const;
type Way = (typeof allWays)[number];

export type Revocations = {
  readonly rounds: Readonly<Record<Way, number>>;
  /** Answers that the old token got and should not have. */
  readonly accepted: readonly string[];
};

export type RevocationOptions = {
  readonly rounds: number;
  readonly lanes: number;
  readonly ways?: readonly Way[];
};

/** Rounds over the ways in turn, in lanes at once, each with a user of its own. */
export const revocations = async (
  servers: readonly [Server, Server],
  { rounds, lanes, ways = allWays }: RevocationOptions,
): Promise<Revocations> => {
  const counts = { password: 0, 'sign-out': 0, deactivate: 0, deactivated: 0, role: 0 };
  const accepted: string[] = [];
  const rootToken = await logInAsRoot(servers[0]);
  let started = 0;
  const lane = async (_: unknown, number: number): Promise<void> => {
    const clients = servers.map(({ port }) => new RawClient(port));
    const person = await openPerson(clients, rootToken, `lane${number}-${Date.now().toString(36)}`);
    for (let round = started++; round < rounds; round = started++) {
      const way = ways[round % ways.length] ?? 'password';
      accepted.push(...(await person.round(way, Math.floor(round / ways.length) % 2)));
      counts[way]++;
    }
    for (const client of clients) client[Symbol.dispose]();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { rounds: counts, accepted };
};

const logInAsRoot = async ({ port }: Server): Promise<string> => {
  using client = new RawClient(port);
  const body = { identifier: root.email, password: root.password };
  return at((await ask(client, 'POST', '/auth/login', body)).json, 'access_token');
};

/** All lanes at once may be too much for the machine: then nothing was changed, and we are told to come again. */
const askAgain: typeof ask = async (...request) => {
  for (let tries = 0; ; tries++) {
    const answer = await ask(...request);
    if (answer.status !== 503 || tries === maxTries || !mayRepeat.has(at(answer.json, 'code'))) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const mayRepeat: ReadonlySet<string> = new Set(['overloaded', 'database-unavailable', 'write-conflict']);

const openPerson = async (clients: readonly RawClient[], rootToken: string, name: string) => {
  let password = 'the first horse battery of somebody';
  let made = 0;
  const on = (server: number): RawClient => {
    const client = clients[server];
    if (client === undefined) throw new Error(`there is no server ${server}`);
    return client;
  };
  const must = async (
    status: number,
    server: number,
    ...[method, path, body, token]: [string, string, (object | undefined)?, string?]
  ): Promise<unknown> => {
    const answer = await askAgain(on(server), method, path, body, token);
    if (answer.status !== status)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer.json;
  };
  const logIn = async (identifier: string, chosen: string): Promise<string> =>
    at(await must(200, 0, 'POST', '/auth/login', { identifier, password: chosen }), 'access_token');

  const session = await must(201, 0, 'POST', '/auth/register', {
    email: `${name}@example.com`,
    username: name,
    password,
  });
  const id = at(session, 'user', 'id');
  let token = at(session, 'access_token');
  const asRoot = (path: string, body?: object, method = 'POST') =>
    must(200, 0, method, path, body, rootToken);

  /** What makes the token old, at one server; and what it takes to go on. */
  const revoke: Readonly<Record<Way, (server: number) => Promise<() => Promise<void>>>> = {
    password: async (server) => {
      const next = `horse battery number ${++made} of somebody`;
      const body = { current_password: password, new_password: next };
      const fresh = await must(200, server, 'PUT', '/me/password', body, token);
      password = next;
      return async () => {
        token = at(fresh, 'access_token');
      };
    },
    'sign-out': async (server) => {
      await must(204, server, 'POST', '/me/sign-out-everywhere', undefined, token);
      return logInAgain;
    },
    deactivate: async (server) => {
      await must(204, server, 'POST', '/me/deactivate', { password }, token);
      return reactivate;
    },
    deactivated: async (server) => {
      await must(200, server, 'POST', `/admin/users/${id}/deactivate`, undefined, rootToken);
      return reactivate;
    },
    role: async (server) => {
      await must(200, server, 'PUT', `/admin/users/${id}/role`, { role: 'user' }, rootToken);
      return async () => {};
    },
  };
  const logInAgain = async (): Promise<void> => {
    token = await logIn(name, password);
  };
  const reactivate = async (): Promise<void> => {
    await asRoot(`/admin/users/${id}/reactivate`);
    await logInAgain();
  };

  return {
    /** The answers that the token got from either server after it was revoked at `server`, but for refusals. */
    round: async (way: Way, server: number): Promise<readonly string[]> => {
      const isRole = way === 'role';
      if (isRole) await asRoot(`/admin/users/${id}/role`, { role: 'admin' }, 'PUT');
      const old = token;
      const asOld = (at: number) =>
        isRole
          ? askAgain(on(at), 'GET', `/admin/cache/users/${id}`, undefined, old)
          : askAgain(on(at), 'GET', '/me', undefined, old);
      for (const at of [0, 1, 0, 1]) {
        const { status } = await asOld(at);
        if (status !== 200) throw new Error(`before ${way}, server ${at} answered ${status}`);
      }
      const goOn = await revoke[way](server);
      const answers = await Promise.all([asOld(0), asOld(1)]);
      await goOn();
      // A token says who somebody is, not what they may do: after a change of role it is its rights that are gone.
      return answers.flatMap(({ status }, at) =>
        status === (isRole ? 403 : 401)
          ? []
          : [`after ${way} at server ${server}, server ${at} answered ${status}`],
      );
    },
  };
};
