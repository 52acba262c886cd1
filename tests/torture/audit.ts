/**
 * The database's own log of what was committed, by triggers of the torture run that write in the transaction of the
 * change: which versions there were, whether their writer had said that its fences were confirmed, and in which order
 * an owner's contacts changed. So no guess is needed of which promise applies, nor of how an unknown outcome ended.
 */

import type { Way } from './floors.ts';
import { type Row, type Sql, sql } from './sql.ts';

export type UserVersion = {
  readonly version: number;
  /** On the monotonic clock of the run; before the commit. */
  readonly atMs: number;
  readonly way: Way;
  readonly email: string;
  readonly username: string;
  readonly phone: string | null;
  readonly marker: string | null;
  readonly active: boolean;
  readonly tokenVersion: number;
};

export type ContactChange = {
  readonly atMs: number;
  readonly way: Way;
  readonly contactId: string;
  readonly version: number | 'removed';
  readonly marker: string | null;
  readonly createdAt: string;
};

/** All that was committed so far, and what was given to the journal besides (a fence that could not be released). */
export type Audit = {
  readonly users: ReadonlyMap<string, readonly UserVersion[]>;
  /** By owner, in the order of the commits: writers of one list are serial. */
  readonly lists: ReadonlyMap<string, readonly ContactChange[]>;
  /** When a record, `user <id>` or `contact <id>`, was appended to the journal by itself. */
  readonly appended: ReadonlyMap<string, readonly number[]>;
};

const functionOf = (name: string, body: string): string =>
  `create function torture.${name}() returns trigger language plpgsql security definer as $$
  declare fenced boolean := coalesce(current_setting('kith.fenced', true), '') = 'on';
  begin ${body} return null; end $$`;

const statements: readonly string[] = [
  'create schema torture',
  `create table torture.audit (
    seq bigint generated always as identity primary key,
    at_ms double precision not null default extract(epoch from clock_timestamp()) * 1000,
    what text not null, id uuid, owner uuid, version int, fenced boolean,
    email text, username text, phone text, marker text, active boolean, token_version int, created_at text
  )`,
  functionOf(
    'users',
    `insert into torture.audit (what, id, version, fenced, email, username, phone, marker, active, token_version)
     values ('user', new.id, new.version, fenced, new.email, new.username, new.phone, new.bio, new.is_active,
       new.token_version);`,
  ),
  functionOf(
    'contacts',
    `if tg_op = 'DELETE' then
       insert into torture.audit (what, id, owner, fenced, created_at)
       values ('contact', old.id, old.user_id, fenced, old.created_at::text);
     else
       insert into torture.audit (what, id, owner, version, fenced, marker, created_at)
       values ('contact', new.id, new.user_id, new.version, fenced, new.first_name, new.created_at::text);
     end if;`,
  ),
  // At depth 1 nobody's trigger did it: a writer could not release its fence.
  functionOf(
    'journal',
    `if pg_trigger_depth() = 1 then
       insert into torture.audit (what, id) values ('append', coalesce(new.contact_id, new.user_id));
     end if;`,
  ),
  `create trigger torture after insert or update on users for each row execute function torture.users()`,
  `create trigger torture after insert or update or delete on contacts for each row execute function torture.contacts()`,
  `create trigger torture after insert on cache_journal for each row execute function torture.journal()`,
];

export const installAudit = (database: Sql): Promise<void> =>
  database.together(statements.map((statement) => sql.raw(statement)));

/** Everything that is committed. The wall clock of the database is this machine's. */
export const readAudit = async (database: Sql): Promise<Audit> => {
  const offsetMs = Date.now() - performance.now();
  const users = new Map<string, UserVersion[]>();
  const lists = new Map<string, ContactChange[]>();
  const appended = new Map<string, number[]>();
  for (const row of await database.read(sql`select * from torture.audit order by seq`)) {
    const atMs = Number(row['at_ms']) - offsetMs;
    const id = String(row['id']);
    if (row['what'] === 'user') into(users, id, userVersion(row, atMs));
    else if (row['what'] === 'contact') into(lists, String(row['owner']), contactChange(row, atMs));
    else into(appended, id, atMs);
  }
  return { users, lists, appended };
};

const into = <T>(map: Map<string, T[]>, key: string, item: T): void => {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
};

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const wayOf = (row: Row): Way => (row['fenced'] === true ? 'fenced' : 'journaled');

const userVersion = (row: Row, atMs: number): UserVersion => ({
  version: Number(row['version']),
  atMs,
  way: wayOf(row),
  email: String(row['email']),
  username: String(row['username']),
  phone: textOrNull(row['phone']),
  marker: textOrNull(row['marker']),
  active: row['active'] === true,
  tokenVersion: Number(row['token_version']),
});

const contactChange = (row: Row, atMs: number): ContactChange => ({
  atMs,
  way: wayOf(row),
  contactId: String(row['id']),
  version: row['version'] === null ? 'removed' : Number(row['version']),
  marker: textOrNull(row['marker']),
  createdAt: String(row['created_at']),
});
