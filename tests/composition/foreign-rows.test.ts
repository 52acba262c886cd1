/** Rows that others wrote, or an older version with other rules: none of them is an error, and none takes others with it. */
import { createHash } from 'node:crypto';
import { expect, it, onTestFinished, vi } from 'vitest';
import { compose } from '../../composition/compose.ts';
import { configFrom } from '../../composition/config.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { Secret } from '../../domain/secret.ts';
import { maxVersion } from '../../domain/user.ts';
import { recordingLog, silentLog } from '../adapters/mikro-orm/support.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';
import { quickHasher } from '../support/quick-hasher.ts';
import { storedBefore } from '../support/rows.ts';

// Each makes a database of its own, which takes long on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const password = 'correct horse battery staple';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const asUuid = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

const open = async (log: Log = silentLog) => {
  const server = await createTestDatabase();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const config = configFrom({
    DATABASE_URL: urlOf(server.address),
    JWT_SECRET: 'a secret of the tests, 40 characters long',
  });
  const kith = await compose(config, { log, hasher: quickHasher });
  onTestFinished(() => kith.close());
  expect(await kith.ready()).toBe(true);
  const session = await kith.useCases.register({ email: 'ann@example.com', username: 'ann', password });
  if (!session.ok) throw new Error(session.error.code);
  const { user, token } = session.value;
  const send = async (method: string, path: string, body?: object, headers?: Record<string, string>) => {
    const answer = await kith.http.fetch(
      new Request(`http://kith.local${path}`, {
        method,
        headers: {
          authorization: `Bearer ${Secret.reveal(token)}`,
          'content-type': 'application/json',
          // What SQL changed just now.
          'cache-control': 'no-cache',
          ...headers,
        },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  return { kith, server, user, send };
};

it('a contact that nobody could type is shown, changed and deleted, and its neighbours are shown too', async () => {
  const { server, user, send } = await open();
  await send('POST', '/contacts', { first_name: 'Bob' });
  const id = asUuid(md5('seed'));
  await storedBefore(
    server,
    'contacts',
    `insert into contacts (id, user_id, first_name, email, phone, created_at, updated_at, version)
     values ('${id}', '${user.id}', E'two\\nlines', 'ann@münchen.de', '0170 1234567', '-infinity', 'infinity', 1)`,
  );
  const list = await send('GET', '/contacts');
  expect(list.status).toBe(200);
  expect(list.body.items.map(({ first_name }: { first_name: string }) => first_name)).toEqual([
    'Bob',
    'two\nlines',
  ]);
  expect(await send('GET', `/contacts/${id}`)).toMatchObject({
    status: 200,
    body: { id, email: 'ann@münchen.de', phone: '0170 1234567', created_at: '0001-01-01T00:00:00.000Z' },
  });
  const changed = await send('PATCH', `/contacts/${id}`, { notes: 'from work' });
  expect(changed).toMatchObject({ status: 200, body: { notes: 'from work', phone: '0170 1234567' } });
  expect((await send('DELETE', `/contacts/${id}`)).status).toBe(204);
  expect((await send('GET', '/contacts')).body.total).toBe(1);
});

it('a user whose row others changed is found, alone and among others, and logs in', async () => {
  const { kith, server, user, send } = await open();
  await storedBefore(
    server,
    'users',
    `update users set phone = '0170 1234567', skills = array['sql', null], created_at = '-infinity',
       name = E'Ann\\u200b', username = 'an' where id = '${user.id}'`,
  );
  const nil = '00000000-0000-0000-0000-000000000001' as UserId;
  await storedBefore(
    server,
    'users',
    `insert into users select (jsonb_populate_record(u, jsonb_build_object('id', '${nil}', 'email', 'old@example.com',
       'username', 'x', 'phone', null))).* from users u where id = '${user.id}'`,
  );
  expect(await send('GET', '/me')).toMatchObject({
    status: 200,
    body: { phone: '0170 1234567', skills: ['sql'], username: 'an' },
  });
  const found = await kith.useCases.lookUpUsers({ ids: [user.id, nil] });
  expect(found).toMatchObject({ ok: true });
  expect(await kith.useCases.getUser({ kind: 'id', value: nil })).toMatchObject({ ok: true });
  expect((await send('PATCH', '/me', { bio: 'still here' })).status).toBe(200);
  expect(await kith.useCases.logIn({ identifier: 'ann@example.com', password })).toMatchObject({ ok: true });
});

it('what cannot be read at all takes nothing with it: it is left out, counted, and logged by its id, once', async () => {
  const log = recordingLog();
  const { kith, server, user, send } = await open(log);
  await send('POST', '/contacts', { first_name: 'Bob' });
  await send('POST', '/contacts', { first_name: 'Eve' });
  const other = await kith.useCases.register({ email: 'eve@example.com', username: 'eve', password });
  if (!other.ok) throw new Error(other.error.code);
  const { id } = other.value.user;
  // Nothing else can be unreadable, and for this somebody has to change the schema.
  await server.query('alter table users drop constraint users_role_check');
  await server.query(`update users set role = 'root' where id = '${id}'`);
  await server.query('alter table contacts alter version drop not null');
  const [contact] = await server.query(
    `update contacts set version = null where first_name = 'Eve' returning id::text`,
  );
  for (const times of [1, 2]) {
    const list = await send('GET', '/contacts');
    expect(list).toMatchObject({ status: 200, body: { total: 2, items: [{ first_name: 'Bob' }] } });
    expect((await send('GET', '/contacts?q=example')).status).toBe(200);
    const found = await kith.useCases.lookUpUsers({ ids: [user.id, id] }, 'authoritative');
    expect(found).toMatchObject({
      ok: true,
      value: { users: [{ id: user.id }], missing: [{ kind: 'id', value: id }] },
    });
    const text = await (await kith.http.ops(new Request('http://kith.local/metrics'))).text();
    expect(text).toMatch(new RegExp(`^kith_rows_left_out_total ${times * 2}$`, 'm'));
  }
  expect(log.lines.filter((line) => line.startsWith('row-left-out'))).toEqual([
    `row-left-out {"table":"contacts","id":"${contact?.['id']}","column":"version"}`,
    `row-left-out {"table":"users","id":"${id}","column":"role"}`,
  ]);
  expect((await send('GET', `/contacts/${contact?.['id']}`)).status).toBe(500);
});

it('after the last version that a column holds comes the first: no change is refused, whoever makes it', async () => {
  const { server, user, send } = await open();
  const { body: contact } = await send('POST', '/contacts', { first_name: 'Bob' });
  await server.query(`update users set version = ${maxVersion}`);
  await server.query(`update contacts set version = ${maxVersion}`);
  const last = `"${user.id}-${maxVersion}"`;
  expect(await send('PATCH', '/me', { bio: 'one more' }, { 'if-match': last })).toMatchObject({
    status: 200,
    body: { version: 1 },
  });
  expect((await send('PATCH', '/me', { bio: 'late' }, { 'if-match': last })).status).toBe(412);
  const changed = await send('PATCH', `/contacts/${contact.id}`, { notes: 'one more' });
  expect(changed).toMatchObject({ status: 200, body: { version: 1 } });
  await server.query(`update contacts set version = ${maxVersion}`);
  await server.query(`update contacts set notes = 'by SQL'`);
  expect((await send('GET', `/contacts/${contact.id}`)).body).toMatchObject({ notes: 'by SQL', version: 1 });
});

// psycopg/psycopg#1251, tlocke/pg8000#99, postgresql-interfaces/psqlodbc#198, tazama-lf/admin-service#421
it.each(['infinity', '-infinity', '0044-03-15 BC', '12026-01-01'])(
  'a birthday that no calendar of ours has, %s, takes nothing with it',
  async (birthday) => {
    const { server, user, send } = await open();
    await send('POST', '/contacts', { first_name: 'Bob', birthday: '2000-02-29' });
    const id = asUuid(md5(birthday));
    await storedBefore(
      server,
      'contacts',
      `insert into contacts (id, user_id, first_name, birthday, created_at, updated_at, version)
       values ('${id}', '${user.id}', 'Julius', '${birthday}', now(), now(), 1)`,
    );
    const list = await send('GET', '/contacts');
    expect(list).toMatchObject({ status: 200, body: { total: 2 } });
    expect(list.body.items).toContainEqual(
      expect.objectContaining({ first_name: 'Bob', birthday: '2000-02-29' }),
    );
    expect((await send('GET', `/contacts/${id}`)).status).toBe(200);
    expect((await send('PATCH', `/contacts/${id}`, { birthday: '--03-15' })).body).toMatchObject({
      first_name: 'Julius',
      birthday: '--03-15',
    });
    expect((await send('DELETE', `/contacts/${id}`)).status).toBe(204);
  },
);
