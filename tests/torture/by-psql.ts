/** What somebody at psql does to everybody at once, recorded like the acts of clients. */
import type { Call } from './facts.ts';
import type { Context } from './people.ts';
import { sql } from './sql.ts';

/** Times, of a statement that is over. */
const callSince = (startMs: number, source: Call['source']): Call => ({
  name: 'raw SQL',
  server: '',
  startMs,
  endMs: performance.now(),
  status: 200,
  source,
});

/** One UPDATE of all users, but for those whose row somebody has locked: a server that stands still may be one. */
export const changeEverybody = async ({ world, recorder, people, fresh }: Context): Promise<void> => {
  const marker = fresh();
  const startMs = performance.now();
  const rows = await world.sql.run(
    sql`update users set bio = ${marker} where id in (select id from users for no key update skip locked)
      returning id, version`,
  );
  const call = callSince(startMs, 'unknown');
  const versions = new Map(rows.map(({ id, version }) => [String(id), Number(version)]));
  for (const { id, tokenVersion: tokenVersionBefore } of people) {
    const version = versions.get(id);
    if (version === undefined) continue;
    const write = { id, version, tokenVersionBefore, security: false, marker };
    recorder.fact({ type: 'user-write', call, ...write });
  }
};

/** From then on it is known what is visible, also what nobody was told of. */
export const seeEverybody = async ({ world, recorder, people }: Context): Promise<void> => {
  const startMs = performance.now();
  const rows = await world.sql.read(sql`select id, version, username, email, phone, bio from users`);
  const call = callSince(startMs, 'database');
  const known = new Set(people.map(({ id }) => id));
  for (const row of rows) {
    const id = String(row['id']);
    if (!known.has(id)) continue;
    recorder.fact({
      type: 'user-read',
      call,
      key: { kind: 'id', value: id },
      id,
      version: Number(row['version']),
      username: String(row['username']),
      email: String(row['email']),
      phone: row['phone'] === null ? null : String(row['phone']),
      marker: row['bio'] === null ? null : String(row['bio']),
    });
  }
};
