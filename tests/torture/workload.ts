import { setTimeout as sleep } from 'node:timers/promises';
import type { AliasKind } from './facts.ts';
import type { Context, Person } from './people.ts';
import { type Random, zipf } from './random.ts';
import { lookUp, readContact, readMe, readPage, readProfileById, readProfileByUsername } from './reads.ts';
import { presentRevoked, revoke } from './security.ts';
import type { ServerProcess } from './server-process.ts';
import { changeAlias, changeBio, changeBySql, changeContacts } from './writes.ts';

export type WorkloadOptions = {
  readonly clients: number;
  /** The pause of a client between two actions, so that the processor is not what is tested. */
  readonly thinkMs: number;
};

/** Asks the workload for a change now and then with raw SQL. */
export type Mode = { rawSql: boolean };

const zipfExponent = 0.99;
export const pages = [
  { skip: 0, limit: 20 },
  { skip: 0, limit: 3 },
  { skip: 3, limit: 3 },
] as const;
const aliasKinds: readonly AliasKind[] = ['username', 'username', 'email', 'phone'];

/** Clients that read and write until disposed; disposing waits for what is under way. */
export const startWorkload = (
  context: Context,
  random: Random,
  mode: Mode,
  { clients, thinkMs }: WorkloadOptions,
): AsyncDisposable => {
  let isOver = false;
  const rank = zipf(context.people.length, zipfExponent);
  const act = async (own: Random): Promise<void> => {
    while (!isOver) {
      const roomy = context.world.servers.filter((server) => context.client.hasRoom(server));
      const person = context.people[rank(own)];
      if (roomy.length > 0 && person !== undefined) await step(context, own, roomy, person, mode);
      await sleep(own.next() * 2 * thinkMs);
    }
  };
  const acting = Promise.all(Array.from({ length: clients }, () => act(random.fork())));
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await acting;
    },
  };
};

const step = async (
  context: Context,
  random: Random,
  servers: readonly ServerProcess[],
  person: Person,
  mode: Mode,
): Promise<void> => {
  const server = random.pick(servers);
  const dice = random.next();
  if (mode.rawSql && random.chance(0.03)) await changeBySql(context, person, random);
  else if (dice < 0.75) await read(context, random, server, person);
  else if (dice < 0.77 && context.revoked.length > 0) {
    await presentRevoked(context, server, random.pick(context.revoked));
  } else if (dice < 0.87) {
    if (await changeBio(context, server, person))
      await probe(context, random, person, readMe, readProfileById);
  } else if (dice < 0.95) {
    if (await changeContacts(context, server, person, random))
      await probe(context, random, person, readFirstPage);
  } else await exclusively(context, random, server, person);
};

type Reading = (context: Context, server: ServerProcess, person: Person) => Promise<unknown>;

const readFirstPage: Reading = (context, server, person) => readPage(context, server, person, pages[0]);

/** What was just acknowledged is what others ask for next. */
const probe = async (
  context: Context,
  random: Random,
  person: Person,
  ...readings: readonly Reading[]
): Promise<void> => {
  const servers = context.world.servers.filter((server) => context.client.hasRoom(server));
  if (servers.length === 0) return;
  const asked = [random.pick(servers), random.pick(servers)];
  await Promise.all(asked.map((server) => random.pick(readings)(context, server, person)));
};

const read = async (
  context: Context,
  random: Random,
  server: ServerProcess,
  person: Person,
): Promise<void> => {
  const dice = random.next();
  const [contact] = person.contacts;
  if (dice < 0.3) await readMe(context, server, person);
  else if (dice < 0.5) await readProfileById(context, server, person);
  else if (dice < 0.65) await readProfileByUsername(context, server, person);
  else if (dice < 0.75) {
    const others = [person, random.pick(context.people), random.pick(context.people), person];
    await lookUp(context, server, random.chance(0.5) ? others : others.reverse());
  } else if (dice < 0.9 || contact === undefined) await readPage(context, server, person, random.pick(pages));
  else await readContact(context, server, person, random.pick([...person.contacts, contact]));
};

/** What only one client at a time may do to a person, so that their identifiers and password are known. */
const exclusively = async (
  context: Context,
  random: Random,
  server: ServerProcess,
  person: Person,
): Promise<void> => {
  if (person.busy) return;
  person.busy = true;
  if (random.chance(0.3)) {
    await revoke(context, server, person, random);
    return;
  }
  const kind = random.pick(aliasKinds);
  const isChanged = await changeAlias(context, server, person, { kind, random });
  person.busy = false;
  if (!isChanged) return;
  const byAlias: Reading = (_context, other) => lookUp(context, other, [person, person, person, person]);
  await probe(context, random, person, kind === 'username' ? readProfileByUsername : byAlias, byAlias);
};
