import { ask, fieldOf } from './client.ts';

/** A user whom nobody changes: every answer about them is known byte for byte. */
export type Settled = {
  readonly token: string;
  readonly username: string;
  /** Path to body, as it was read past the cache. */
  readonly truth: ReadonlyMap<string, string>;
};

/** A user who is changed all the time: what was acknowledged, and when. */
export type Changing = {
  readonly token: string;
  readonly id: string;
  readonly acknowledged: { readonly version: number; readonly name: string; readonly atMs: number }[];
  /** Every name that was ever sent. */
  readonly sent: Set<string>;
};

export type People = { readonly settled: readonly Settled[]; readonly changing: readonly Changing[] };

export const password = 'correct horse battery staple';

let registered = 0;

/** Registers a user of a name that no other test has, and logs them in. */
export const register = async (url: string): Promise<{ id: string; token: string; username: string }> => {
  const username = `u${Date.now().toString(36)}x${(registered++).toString(36)}`;
  const body = { email: `${username}@example.com`, username, password, name: 'v1' };
  const { status, text } = await ask(`${url}/auth/register`, { method: 'POST', body });
  const [id, token] = [fieldOf(text, 'user', 'id'), fieldOf(text, 'access_token')];
  if (typeof id !== 'string' || typeof token !== 'string') throw new Error(`registration: ${status} ${text}`);
  return { id, token, username };
};

export const populate = async (url: string, settled = 8, changing = 2): Promise<People> => {
  const people: { settled: Settled[]; changing: Changing[] } = { settled: [], changing: [] };
  for (let n = 0; n < settled; n++) people.settled.push(await settle(url));
  for (let n = 0; n < changing; n++) {
    const { id, token } = await register(url);
    const first = { version: 1, name: 'v1', atMs: performance.now() };
    people.changing.push({ id, token, acknowledged: [first], sent: new Set(['v1']) });
  }
  return people;
};

const settle = async (url: string): Promise<Settled> => {
  const { token, id, username } = await register(url);
  const body = { first_name: `friend of ${username}`, phone: '+49 170 1234567' };
  const added = await ask(`${url}/contacts`, { method: 'POST', token, body });
  const contact = fieldOf(added.text, 'id');
  const paths = ['/me', `/users/${id}`, '/contacts', `/contacts/${contact}`];
  const truth = new Map<string, string>();
  for (const path of paths) {
    const answer = await ask(`${url}${path}`, { token, noCache: true });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    truth.set(path, answer.text);
  }
  return { token, username, truth };
};
