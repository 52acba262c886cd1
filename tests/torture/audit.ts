/**
 * The database's own log of what was committed, by triggers of the torture run that write in the transaction of the
 * change: which versions there were, whether a server or somebody at psql wrote them, and in which order an owner's
 * contacts changed. So no guess is needed of how an unknown outcome ended.
 */

import { type Row, type Sql, sql } from './sql.ts';

export type UserVersion = {
  readonly version: number;
  /** On the monotonic clock of the run; before the commit. */
  readonly atMs: number;
  /** A server, whose fences may have been confirmed; somebody at psql has none. */
  readonly by: 'server' | 'psql';
  readonly email: string;
  readonly username: string;
  readonly phone: string | null;
  readonly marker: string | null;
  readonly active: boolean;
  readonly tokenVersion: number;
};

export type ContactChange = {
  readonly atMs: number;
  readonly by: 'server' | 'psql';
  readonly contactId: string;
  readonly version: number | 'removed';
  readonly marker: string | null;
  readonly createdAt: string;
};

/** All that was committed so far. */
export type Audit = {
  readonly users: ReadonlyMap<string, readonly UserVersion[]>;
  /** By owner, in the order of the commits: writers of one list are serial. */
  readonly lists: ReadonlyMap<string, readonly ContactChange[]>;
  /** When somebody woke the others, as writers do whose fences were not confirmed. */
  readonly wakes: readonly number[];
};

/** How the usernames of those begin who are there only so that a statement changes many rows. */
export const crowdPrefix = 'crowd';

const functionOf = (name: string, body: string): string =>
  `create function torture.${name}() returns trigger language plpgsql security definer as $$
  declare served boolean := current_setting('application_name') = 'kith';
  begin ${body} return null; end $$`;

const statements: readonly string[] = [
  'create schema torture',
  `create table torture.audit (
    seq bigint generated always as identity primary key,
    at_ms double precision not null default extract(epoch from clock_timestamp()) * 1000,
    what text not null, id uuid, owner uuid, version int, served boolean,
    email text, username text, phone text, marker text, active boolean, token_version int, created_at text
  )`,
  functionOf(
    'users',
    `insert into torture.audit (what, id, version, served, email, username, phone, marker, active, token_version)
     values ('user', new.id, new.version, served, new.email, new.username, new.phone, new.bio, new.is_active,
       new.token_version);`,
  ),
  functionOf(
    'contacts',
    `if tg_op = 'DELETE' then
       insert into torture.audit (what, id, owner, served, created_at)
       values ('contact', old.id, old.user_id, served, old.created_at::text);
     else
       insert into torture.audit (what, id, owner, version, served, marker, created_at)
       values ('contact', new.id, new.user_id, new.version, served, new.first_name, new.created_at::text);
     end if;`,
  ),
  // Those of a mass update are many and nobody reads them.
  `create trigger torture after insert or update on users for each row when (new.username not like '${crowdPrefix}%')
    execute function torture.users()`,
  `create trigger torture after insert or update or delete on contacts for each row execute function torture.contacts()`,
];

export const installAudit = (database: Sql): Promise<void> =>
  database.together(statements.map((statement) => sql.raw(statement)));

/** One row of the log. */
export type AuditEntry =
  | ({ readonly seq: number; readonly what: 'user'; readonly id: string } & UserVersion)
  | ({ readonly seq: number; readonly what: 'contact'; readonly owner: string } & ContactChange);

/** What was read of the log so far. */
export class AuditLog {
  /** When somebody woke the others. */
  readonly wakes: number[] = [];
  readonly #entries = new Map<number, AuditEntry>();

  add(entry: AuditEntry): void {
    this.#entries.set(entry.seq, entry);
  }

  /**
   * Reads everything that is committed, and adds what is new, which it returns: also numbers between those of before, for
   * they are not in the order of the commits. The wall clock of the database is this machine's.
   */
  async read(database: Sql): Promise<readonly AuditEntry[]> {
    const offsetMs = Date.now() - performance.now();
    const rows = await database.read(sql`select * from torture.audit order by seq`);
    const entries = rows
      .filter((row) => !this.#entries.has(Number(row['seq'])))
      .map((row) => entryOf(row, Number(row['at_ms']) - offsetMs));
    for (const entry of entries) this.add(entry);
    return entries;
  }

  audit(): Audit {
    const users = new Map<string, UserVersion[]>();
    const lists = new Map<string, ContactChange[]>();
    for (const entry of [...this.#entries.values()].sort((a, b) => a.seq - b.seq)) {
      if (entry.what === 'user') into(users, entry.id, entry);
      else into(lists, entry.owner, entry);
    }
    return { users, lists, wakes: [...this.wakes] };
  }
}

const entryOf = (row: Row, atMs: number): AuditEntry => {
  const seq = Number(row['seq']);
  return row['what'] === 'user'
    ? { seq, what: 'user', id: String(row['id']), ...userVersion(row, atMs) }
    : { seq, what: 'contact', owner: String(row['owner']), ...contactChange(row, atMs) };
};

const into = <T>(map: Map<string, T[]>, key: string, item: T): void => {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
};

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const writerOf = (row: Row): UserVersion['by'] => (row['served'] === true ? 'server' : 'psql');

const userVersion = (row: Row, atMs: number): UserVersion => ({
  version: Number(row['version']),
  atMs,
  by: writerOf(row),
  email: String(row['email']),
  username: String(row['username']),
  phone: textOrNull(row['phone']),
  marker: textOrNull(row['marker']),
  active: row['active'] === true,
  tokenVersion: Number(row['token_version']),
});

const contactChange = (row: Row, atMs: number): ContactChange => ({
  atMs,
  by: writerOf(row),
  contactId: String(row['id']),
  version: row['version'] === null ? 'removed' : Number(row['version']),
  marker: textOrNull(row['marker']),
  createdAt: String(row['created_at']),
});
