import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.ts';
import type { Context, Person } from './people.ts';
import { Recorder } from './recorder.ts';
import type { ServerProcess } from './server-process.ts';
import { parseSession } from './wire.ts';
import type { World } from './world.ts';

const spareAliases = 8;

/** Registers people, and logs the administrator in. */
export const populate = async (world: World, size: number): Promise<Context> => {
  const client = new Client();
  const recorder = new Recorder();
  const prefix = randomBytes(3).toString('hex');
  let texts = 0;
  const person = (server: ServerProcess, number: number): Promise<Person> =>
    register(client, recorder, server, `${prefix}${number}`, phoneOf(number));
  const first = world.servers[0];
  if (first === undefined) throw new Error('at least one server is needed');
  const viewer = await person(first, 0);
  // A hash takes long, and a server does not let many wait: one after the other at each.
  const lanes = await Promise.all(
    world.servers.map(async (server, lane) => {
      const registered: Person[] = [];
      for (let number = lane + 1; number <= size; number += world.servers.length)
        registered.push(await person(server, number));
      return registered;
    }),
  );
  const people = lanes.flat();
  const spare = Array.from({ length: spareAliases }, (_, index) => index + size + 1);
  return {
    world,
    client,
    recorder,
    people,
    viewer,
    admin: await logInAdmin(client, first, world.admin),
    free: {
      email: spare.map((number) => `user${prefix}${number}@torture.example`),
      username: spare.map((number) => `user${prefix}${number}`),
      phone: spare.map(phoneOf),
    },
    revoked: [],
    fresh: () => `w${++texts}`,
  };
};

const phoneOf = (number: number): string => `+4915${number.toString().padStart(8, '0')}`;

const register = async (
  client: Client,
  recorder: Recorder,
  server: ServerProcess,
  name: string,
  phone: string,
): Promise<Person> => {
  const password = `first horse battery of ${randomBytes(9).toString('base64')}`;
  const body = { email: `user${name}@torture.example`, username: `user${name}`, phone, password };
  const ask = { name: 'register', method: 'POST', path: '/auth/register', body } as const;
  let answer = await client.ask(server, ask);
  // Refused for want of time, not done and unknown.
  for (let attempt = 0; attempt < 20 && answer.call.status === 503; attempt++) {
    await sleep(200);
    answer = await client.ask(server, ask);
  }
  if (answer.call.status !== 201) throw new Error(`registering ended with ${answer.call.status}`);
  const { user, token, tokenVersion } = parseSession(answer.body);
  const { id, version } = user;
  const write = { id, version, tokenVersionBefore: 0, security: false };
  recorder.call('write', answer);
  recorder.fact({ type: 'user-write', call: answer.call, ...write });
  const { email, username } = body;
  return {
    id,
    email,
    username,
    phone,
    passwords: [password],
    token,
    tokenVersion,
    contacts: new Set(),
    busy: false,
  };
};

const logInAdmin = async (
  client: Client,
  server: ServerProcess,
  { email, password }: World['admin'],
): Promise<Person> => {
  const body = { identifier: email, password };
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await client.ask(server, { name: 'log in', method: 'POST', path: '/auth/login', body });
    if (answer.call.status === 200) {
      const { user, token, tokenVersion } = parseSession(answer.body);
      const { id, username } = user;
      return {
        id,
        email,
        username,
        phone: '',
        passwords: [password],
        token,
        tokenVersion,
        contacts: new Set(),
        busy: true,
      };
    }
    // It is created after the server said that it is ready.
    await sleep(100);
  }
  throw new Error('the administrator could not log in');
};
