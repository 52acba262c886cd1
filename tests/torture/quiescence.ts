import type { Answer } from './client.ts';
import type { Violation } from './facts.ts';
import { askAs, type Context, type Person } from './people.ts';
import type { ServerProcess } from './server-process.ts';
import { type Row, sql } from './sql.ts';
import { parseLookUp, parsePage, parseProfile, parseTiers, parseUser } from './wire.ts';

/**
 * Reads everybody on every server by every key and compares with the database, and asks every server what its tiers
 * hold. To be called when nobody has written for longer than all bounds.
 */
export const checkQuiescence = async (context: Context): Promise<readonly Violation[]> => {
  const { sql: database, servers } = context.world;
  const users = await database.read(sql`select id, version, email, username, phone, bio from users`);
  const rows = new Map(users.map((row) => [String(row['id']), row]));
  const contacts = await database.read(
    sql`select user_id, id, version from contacts order by created_at desc, contacts.id desc`,
  );
  const violations: Violation[] = [];
  await Promise.all(
    servers.map(async (server) => {
      for (const person of context.people) {
        const row = rows.get(person.id);
        const own = contacts.filter((contact) => contact['user_id'] === person.id);
        const wrong =
          row === undefined ? ['gone from the database'] : await compare(context, server, person, row, own);
        for (const what of wrong) {
          const text = `server ${server.number} has user ${person.id} wrong after quiescence: ${what}`;
          violations.push({ kind: 'after quiescence', text });
        }
      }
    }),
  );
  return violations;
};

const compare = async (
  context: Context,
  server: ServerProcess,
  person: Person,
  row: Row,
  contacts: readonly Row[],
): Promise<readonly string[]> => {
  const { admin, viewer } = context;
  const wrong: string[] = [];
  const get = (as: Person, path: string): Promise<Answer> =>
    askAs(context, server, { as, kind: 'read' }, { name: 'after quiescence', method: 'GET', path });
  const expectUser = (
    what: string,
    seen: { id: string; version: number; username: string; marker: string | null },
  ): void => {
    const same =
      seen.id === row['id'] &&
      seen.version === row['version'] &&
      seen.username === row['username'] &&
      seen.marker === row['bio'];
    if (!same) wrong.push(`${what} is v${seen.version}, the row is v${String(row['version'])}`);
  };
  const answered = ({ call }: Answer, what: string): boolean => {
    if (call.status === 200) return true;
    wrong.push(`${what} ended with ${call.status}`);
    return false;
  };

  const me = await get(person, '/me');
  if (answered(me, '/me')) expectUser('/me', parseUser(me.body));
  for (const path of [`/users/${person.id}`, `/users/by-username/${String(row['username'])}`]) {
    const profile = await get(viewer, path);
    if (answered(profile, path)) expectUser(path, parseProfile(profile.body));
  }
  for (const [list, column] of [
    ['ids', 'id'],
    ['emails', 'email'],
    ['usernames', 'username'],
    ['phones', 'phone'],
  ] as const) {
    const ask = {
      name: 'after quiescence',
      method: 'POST',
      path: '/admin/users/lookup',
      body: { [list]: [row[column]] },
    } as const;
    const answer = await askAs(context, server, { as: admin, kind: 'read' }, ask);
    if (!answered(answer, `look-up by ${column}`)) continue;
    const { users } = parseLookUp(answer.body);
    const [user] = users;
    if (user === undefined) wrong.push(`nobody is found by ${column}`);
    else expectUser(`look-up by ${column}`, user);
  }
  const page = await get(person, '/contacts?skip=0&limit=100');
  if (answered(page, '/contacts')) {
    const { total, items } = parsePage(page.body);
    const seen = items.map(({ id, version }) => `${id} v${version}`);
    const expected = contacts.map(({ id, version }) => `${String(id)} v${String(version)}`).slice(0, 100);
    const wrongItems = seen.filter((item, index) => item !== expected[index]);
    if (total !== contacts.length || wrongItems.length > 0 || seen.length !== expected.length)
      wrong.push(
        `there are ${contacts.length} contacts, it has ${total}, wrong ${wrongItems.slice(0, 3).join()}`,
      );
  }
  const tiers = await get(admin, `/admin/cache/users/${person.id}`);
  if (answered(tiers, 'the explanation')) {
    for (const { record, tier, state, version } of parseTiers(tiers.body)) {
      if (state === 'value' && version !== null && version !== row['version'])
        wrong.push(`${tier} holds ${record} v${version}, the row is v${String(row['version'])}`);
    }
  }
  return wrong;
};
