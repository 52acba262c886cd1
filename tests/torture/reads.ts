import type { Answer } from './client.ts';
import type { AliasKind } from './facts.ts';
import { askAs, type Context, type Person, recover } from './people.ts';
import type { ServerProcess } from './server-process.ts';
import { parseContact, parseLookUp, parsePage, parseProfile, parseUser } from './wire.ts';

type Read = (context: Context, server: ServerProcess, person: Person) => Promise<Answer>;

export const readMe: Read = async (context, server, person) => {
  const ask = { name: 'GET /me', method: 'GET', path: '/me' } as const;
  const answer = await askAs(context, server, { as: person, kind: 'read' }, ask);
  const { call, body } = answer;
  const key = { kind: 'id', value: person.id } as const;
  if (call.status === 200) context.recorder.fact({ type: 'user-read', call, key, ...parseUser(body) });
  return answer;
};

const readProfile = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  kind: 'id' | 'username',
): Promise<Answer> => {
  const key = { kind, value: kind === 'id' ? person.id : person.username } as const;
  const path = kind === 'id' ? `/users/${key.value}` : `/users/by-username/${key.value}`;
  const name = kind === 'id' ? 'GET /users/{id}' : 'GET /users/by-username';
  const answer = await askAs(
    context,
    server,
    { as: context.viewer, kind: 'read' },
    { name, method: 'GET', path },
  );
  const { call, body } = answer;
  if (call.status === 200) context.recorder.fact({ type: 'user-read', call, key, ...parseProfile(body) });
  if (call.status === 404) {
    context.recorder.fact({ type: 'user-missing', call, key, id: person.id, hidesInactive: true });
  }
  return answer;
};

export const readProfileById: Read = (context, server, person) => readProfile(context, server, person, 'id');
export const readProfileByUsername: Read = (context, server, person) =>
  readProfile(context, server, person, 'username');

/** Several people, each by another kind of key. */
export const lookUp = async (
  context: Context,
  server: ServerProcess,
  people: readonly Person[],
): Promise<Answer> => {
  const kinds = ['email', 'id', 'username', 'phone'] as const;
  const keys = people.map((person, index) => {
    const kind = kinds[index % kinds.length] ?? 'id';
    return { kind, value: person[kind], person };
  });
  const valuesOf = (kind: 'id' | AliasKind): string[] => [
    ...new Set(keys.filter((key) => key.kind === kind).map(({ value }) => value)),
  ];
  const body = {
    ids: valuesOf('id'),
    emails: valuesOf('email'),
    usernames: valuesOf('username'),
    phones: valuesOf('phone'),
  };
  const ask = {
    name: 'POST /admin/users/lookup',
    method: 'POST',
    path: '/admin/users/lookup',
    body,
  } as const;
  const answer = await askAs(context, server, { as: context.admin, kind: 'read' }, ask);
  const { call } = answer;
  if (call.status !== 200) return answer;
  const found = parseLookUp(answer.body);
  const names = new Set(keys.map(({ kind, value }) => `${kind} ${value}`));
  for (const user of found.users) {
    // The answer does not tell which user belongs to which key; one that goes by none of them is somebody else.
    const kind = kinds.find((candidate) => names.has(`${candidate} ${user[candidate]}`));
    const key =
      kind === undefined
        ? ({ kind: 'id', value: 'none of the keys' } as const)
        : { kind, value: user[kind] ?? '' };
    context.recorder.fact({ type: 'user-read', call, key, ...user });
  }
  for (const { kind, value } of found.missing) {
    const key = keys.find((candidate) => candidate.kind === kind && candidate.value === value);
    if (key === undefined) continue;
    const { person } = key;
    context.recorder.fact({
      type: 'user-missing',
      call,
      key: { kind: key.kind, value },
      id: person.id,
      hidesInactive: false,
    });
    // An unknown outcome was one after all.
    if (!person.busy && person[key.kind] === value) void recover(context, person);
  }
  return answer;
};

export const readPage = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  { skip, limit }: { readonly skip: number; readonly limit: number },
): Promise<Answer> => {
  const path = `/contacts?skip=${skip}&limit=${limit}`;
  const ask = { name: 'GET /contacts', method: 'GET', path } as const;
  const answer = await askAs(context, server, { as: person, kind: 'read' }, ask);
  const { call, body } = answer;
  if (call.status === 200) {
    const page = parsePage(body);
    context.recorder.fact({ type: 'page-read', call, ownerId: person.id, skip, limit, ...page });
    // Some are there after an unknown outcome.
    for (const { id } of page.items) person.contacts.add(id);
  }
  return answer;
};

export const readContact = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  id: string,
): Promise<Answer> => {
  const ask = { name: 'GET /contacts/{id}', method: 'GET', path: `/contacts/${id}` } as const;
  const answer = await askAs(context, server, { as: person, kind: 'read' }, ask);
  const { call, body } = answer;
  const ownerId = person.id;
  if (call.status === 200) {
    context.recorder.fact({ type: 'contact-read', call, ownerId, askedId: id, ...parseContact(body) });
  }
  if (call.status === 404) context.recorder.fact({ type: 'contact-missing', call, ownerId, id });
  return answer;
};
