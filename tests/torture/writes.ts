import type { Answer } from './client.ts';
import type { AliasKind, Call } from './facts.ts';
import { askAs, type Context, type Person, recover } from './people.ts';
import type { Random } from './random.ts';
import type { ServerProcess } from './server-process.ts';
import { sql } from './sql.ts';
import { parseContact, parseUser } from './wire.ts';

type Write = (context: Context, server: ServerProcess, person: Person) => Promise<boolean>;

/** A 4xx changed nothing. Whether anything else did is not known. */
const isUnknown = ({ call }: Answer): boolean => call.status === 0 || call.status >= 500;

/** Every write answers whether it was acknowledged. */
export const changeBio: Write = async (context, server, person) => {
  const marker = context.fresh();
  const { tokenVersion: tokenVersionBefore, id } = person;
  const ask = { name: 'PATCH /me', method: 'PATCH', path: '/me', body: { bio: marker } } as const;
  const { call, body } = await askAs(context, server, { as: person, kind: 'write' }, ask);
  if (call.status !== 200) return false;
  const { version } = parseUser(body);
  context.recorder.fact({
    type: 'user-write',
    call,
    id,
    version,
    tokenVersionBefore,
    security: false,
    marker,
  });
  return true;
};

/** Takes an identifier that somebody else may have had a moment ago. The person must be busy with us. */
export const changeAlias = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  { kind, random }: { readonly kind: AliasKind; readonly random: Random },
): Promise<boolean> => {
  const free = context.free[kind];
  const [alias] = free.splice(random.below(free.length), 1);
  if (alias === undefined) return false;
  const [current_password] = person.passwords;
  const body = { [kind]: alias, ...(kind !== 'username' && { current_password }) };
  const ask = { name: `PATCH /me ${kind}`, method: 'PATCH', path: '/me', body } as const;
  const { tokenVersion: tokenVersionBefore, id } = person;
  const before = person[kind];
  const answer = await askAs(context, server, { as: person, kind: 'write' }, ask);
  const { call } = answer;
  if (call.status === 200) {
    const { version } = parseUser(answer.body);
    context.recorder.fact({ type: 'user-write', call, id, version, tokenVersionBefore, security: false });
    person[kind] = alias;
    free.push(before);
    return true;
  }
  if (isUnknown(answer) || call.status === 401 || call.status === 403) await recover(context, person);
  // Whichever of the two nobody has now.
  if (call.status !== 409) free.push(person[kind] === alias ? before : alias);
  return false;
};

const maxContacts = 8;

/** Adds, changes or removes one. */
export const changeContacts = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  random: Random,
): Promise<boolean> => {
  const marker = context.fresh();
  const { contacts, id: ownerId } = person;
  const as = { as: person, kind: 'write' } as const;
  const known = [...contacts];
  const record = (call: Call, id: string, version: number | 'removed'): true => {
    const fact = { type: 'contact-write', call, ownerId, id, version } as const;
    context.recorder.fact(version === 'removed' ? fact : { ...fact, marker });
    return true;
  };
  if (known.length === 0 || (known.length < maxContacts && random.chance(0.4))) {
    const ask = {
      name: 'POST /contacts',
      method: 'POST',
      path: '/contacts',
      body: { first_name: marker },
    } as const;
    const { call, body } = await askAs(context, server, as, ask);
    if (call.status !== 201) return false;
    const { id, version } = parseContact(body);
    contacts.add(id);
    return record(call, id, version);
  }
  const id = random.pick(known);
  const path = `/contacts/${id}`;
  if (known.length > maxContacts / 2 && random.chance(0.4)) {
    contacts.delete(id);
    const { call } = await askAs(context, server, as, {
      name: 'DELETE /contacts/{id}',
      method: 'DELETE',
      path,
    });
    if (call.status === 401) contacts.add(id);
    return call.status === 204 && record(call, id, 'removed');
  }
  const ask = { name: 'PATCH /contacts/{id}', method: 'PATCH', path, body: { first_name: marker } } as const;
  const { call, body } = await askAs(context, server, as, ask);
  if (call.status === 404) contacts.delete(id);
  return call.status === 200 && record(call, id, parseContact(body).version);
};

/** A change with psql, behind everybody's back: a user's or one of their contacts'. */
export const changeBySql = async (context: Context, person: Person, random: Random): Promise<void> => {
  const marker = context.fresh();
  const { sql: database } = context.world;
  const { id, tokenVersion } = person;
  const startMs = performance.now();
  const call = (): Call => ({
    name: 'raw SQL',
    server: '',
    startMs,
    endMs: performance.now(),
    status: 200,
    source: 'unknown',
  });
  if (random.chance(0.5)) {
    const [row] = await database.run(
      sql`update users set bio = ${marker} where id = ${id} returning version`,
    );
    const write = {
      id,
      version: Number(row?.['version']),
      marker,
      tokenVersionBefore: tokenVersion,
      security: false,
    };
    context.recorder.fact({ type: 'user-write', call: call(), ...write });
    return;
  }
  const contactId = crypto.randomUUID();
  await database.together([
    // Writers of one list are serial, so that its states have an order.
    sql`select id from users where id = ${id} for update`,
    sql`insert into contacts (id, user_id, first_name, created_at, updated_at, version)
      values (${contactId}, ${id}, ${marker}, now(), now(), 1)`,
  ]);
  person.contacts.add(contactId);
  const write = { ownerId: id, id: contactId, version: 1, marker };
  context.recorder.fact({ type: 'contact-write', call: call(), ...write });
};
