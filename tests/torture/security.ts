/** Writes after whose acknowledgement no token from before may be taken, by nobody. */
import { randomBytes } from 'node:crypto';
import { askAs, type Context, type Person, recordToken, recover } from './people.ts';
import type { Random } from './random.ts';
import type { ServerProcess } from './server-process.ts';
import { parseSession, parseUser } from './wire.ts';

const maxRevoked = 200;

/** One such write, then the old token at every server at once. The person must be busy with us. */
export const revoke = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  random: Random,
): Promise<void> => {
  const old = { userId: person.id, token: person.token, tokenVersion: person.tokenVersion };
  const isDone = await random.pick([signOut, signOut, changePassword, deactivate])(context, server, person);
  if (!isDone) {
    await recover(context, person);
    return;
  }
  context.revoked.push(old);
  if (context.revoked.length > maxRevoked) context.revoked.shift();
  await Promise.all(
    context.world.servers
      .filter((other) => context.client.hasRoom(other))
      .map((other) => presentRevoked(context, other, old)),
  );
  await recover(context, person);
};

/** A token that was revoked, now or long ago. */
export const presentRevoked = async (
  context: Context,
  server: ServerProcess,
  { userId, token, tokenVersion }: Context['revoked'][number],
): Promise<void> => {
  const answer = await context.client.ask(server, {
    name: 'GET /me, old token',
    method: 'GET',
    path: '/me',
    token,
  });
  context.recorder.call('read', answer);
  recordToken(context, answer, userId, tokenVersion);
};

type Revoking = (context: Context, server: ServerProcess, person: Person) => Promise<boolean>;

const signOut: Revoking = async (context, server, person) => {
  const { id, tokenVersion: tokenVersionBefore } = person;
  const ask = { name: 'sign out everywhere', method: 'POST', path: '/me/sign-out-everywhere' } as const;
  const { call } = await askAs(context, server, { as: person, kind: 'write' }, ask);
  if (call.status !== 204) return false;
  const write = { id, version: undefined, tokenVersionBefore, security: true };
  context.recorder.fact({ type: 'user-write', call, ...write });
  return true;
};

const changePassword: Revoking = async (context, server, person) => {
  const { id, tokenVersion: tokenVersionBefore, passwords } = person;
  const next = `next horse battery of ${randomBytes(9).toString('base64')}`;
  const [current_password] = passwords;
  // Until the answer says more, it may be either.
  person.passwords = [next, ...passwords];
  const body = { current_password, new_password: next };
  const ask = { name: 'PUT /me/password', method: 'PUT', path: '/me/password', body } as const;
  const answer = await askAs(context, server, { as: person, kind: 'write' }, ask);
  const { call } = answer;
  if (call.status !== 200) return false;
  const { user, token, tokenVersion } = parseSession(answer.body);
  Object.assign(person, { token, tokenVersion, passwords: [next] });
  const write = { id, version: user.version, tokenVersionBefore, security: true };
  context.recorder.fact({ type: 'user-write', call, ...write });
  return true;
};

const deactivate: Revoking = async (context, server, person) => {
  const { id, tokenVersion: tokenVersionBefore } = person;
  const ask = { name: 'deactivate', method: 'POST', path: `/admin/users/${id}/deactivate` } as const;
  const { call, body } = await askAs(context, server, { as: context.admin, kind: 'write' }, ask);
  if (call.status !== 200) return false;
  const { version } = parseUser(body);
  const write = { id, version, tokenVersionBefore, security: true };
  context.recorder.fact({ type: 'user-write', call, ...write });
  return true;
};
