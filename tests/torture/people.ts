import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Ask, Client } from './client.ts';
import type { AliasKind } from './facts.ts';
import type { CallKind, Recorder } from './recorder.ts';
import type { ServerProcess } from './server-process.ts';
import { sql } from './sql.ts';
import { parseSession } from './wire.ts';
import type { World } from './world.ts';

/** A user as the clients know them: right as long as no outcome is unknown. */
export type Person = {
  readonly id: string;
  email: string;
  username: string;
  phone: string;
  /** The present one first; then what it may have become, or may still be. */
  passwords: string[];
  token: string;
  tokenVersion: number;
  readonly contacts: Set<string>;
  /** Somebody changes an identifier, the password or the status: one at a time, so that it is known. */
  busy: boolean;
};

/** Everything that an action needs. */
export type Context = {
  readonly world: World;
  readonly client: Client;
  readonly recorder: Recorder;
  readonly people: readonly Person[];
  /** Whose token nobody touches. */
  readonly viewer: Person;
  readonly admin: Person;
  /** Identifiers that nobody has. They move between people. */
  readonly free: { readonly [K in AliasKind]: string[] };
  readonly revoked: { readonly userId: string; readonly token: string; readonly tokenVersion: number }[];
  /** A text that was never used before. */
  readonly fresh: () => string;
};

export type Asking = { readonly as: Person; readonly kind: CallKind };

/** Asks with somebody's token, and records whether it was taken. */
export const askAs = async (
  context: Context,
  server: ServerProcess,
  { as: person, kind }: Asking,
  ask: Ask,
): Promise<Answer> => {
  const { id: userId, token, tokenVersion } = person;
  const answer = await context.client.ask(server, { ...ask, token });
  context.recorder.call(kind, answer, keyOf(userId, ask));
  recordToken(context, answer, userId, tokenVersion);
  if (answer.call.status === 401 && person.token === token && !person.busy) void recover(context, person);
  return answer;
};

/** The record that a request is about; `null` where it is asked for by an identifier, or several are. */
export const keyOf = (callerId: string, { path, method }: Pick<Ask, 'path' | 'method'>): string | null => {
  const [, first = '', second = '', third = ''] = (path.split('?')[0] ?? '').split('/');
  if (first === 'me') return `user ${callerId}`;
  if (first === 'contacts') return second === '' ? `list ${callerId}` : `contact ${second}`;
  if (first === 'users') return second === 'by-username' ? null : `user ${second}`;
  return method === 'POST' && second === 'users' && third !== 'lookup' ? `user ${third}` : null;
};

export const recordToken = (
  { recorder }: Context,
  { call }: Answer,
  userId: string,
  tokenVersion: number,
): void => {
  if (call.status === 0 || call.status >= 500) return;
  recorder.fact({ type: 'token-use', call, userId, tokenVersion, accepted: call.status !== 401 });
};

/** Finds out what became of somebody after an unknown outcome: asks the database, logs in. Resolves when that is known. */
export const recover = async (context: Context, person: Person): Promise<void> => {
  const { world, client } = context;
  person.busy = true;
  for (let attempt = 0; attempt < 600; attempt++) {
    const server = world.servers[attempt % world.servers.length];
    if (server === undefined || !client.hasRoom(server)) {
      await sleep(20);
      continue;
    }
    const [row] = await world.sql.read(
      sql`select email, username, phone, is_active from users where id = ${person.id}`,
    );
    person.email = String(row?.['email']);
    person.username = String(row?.['username']);
    person.phone = String(row?.['phone']);
    if (row?.['is_active'] === false) {
      const path = `/admin/users/${person.id}/reactivate`;
      await askAs(
        context,
        server,
        { as: context.admin, kind: 'write' },
        { name: 'reactivate', method: 'POST', path },
      );
    }
    if (await logIn(context, server, person)) {
      person.busy = false;
      return;
    }
    await sleep(100);
  }
  const text = `user ${person.id} could not log in again, with any password that they may have`;
  context.recorder.violation({ kind: 'wrongly refused', text });
};

/** Whether one of the passwords was the right one. */
export const logIn = async (context: Context, server: ServerProcess, person: Person): Promise<boolean> => {
  for (const password of person.passwords) {
    const body = { identifier: person.username, password };
    const answer = await context.client.ask(server, {
      name: 'log in',
      method: 'POST',
      path: '/auth/login',
      body,
    });
    context.recorder.call('write', answer);
    if (answer.call.status !== 200) continue;
    const { token, tokenVersion } = parseSession(answer.body);
    Object.assign(person, { token, tokenVersion, passwords: [password] });
    return true;
  }
  return false;
};
