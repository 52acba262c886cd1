import { field } from './log-answers.ts';
import type { LogConnection } from './log-connection.ts';

/**
 * What the logged tables and the log are made of, as one text: their files and their triggers, each trigger with the
 * transaction that last touched it. It changes where rows may have changed without the log: a table that was dropped and
 * made again by a restore, one that was written anew by `alter column type`, triggers that were off for a while. Read from
 * the catalogs as tables, for functions on them (`pg_relation_filenode`) are not of the statement's snapshot.
 */
export const shape = `(select string_agg(concat_ws(' ', c.relname, c.oid, c.relfilenode, (
      select string_agg(concat_ws('.', t.oid, t.tgenabled, t.xmin), ' ' order by t.oid)
      from pg_trigger t where t.tgrelid = c.oid and t.tgname like 'kith\\_log%'
    )), ', ' order by c.relname)
  from pg_class c
  where c.relname in ('users', 'contacts', 'change_log')
    and c.relnamespace = (select oid from pg_namespace where nspname = current_schema()))`;

export type LogTrigger = {
  readonly table: string;
  readonly name: string;
  /**
   * `always` is right. `ordinary` does not fire for `session_replication_role = replica`; `disable trigger all` and
   * `enable trigger all` leave it behind.
   */
  readonly state: 'always' | 'ordinary' | 'disabled' | 'changed' | 'missing';
  /** Without it changes stay unseen, and no cache may be served from. The others keep ETags, counts and searches right. */
  readonly isNeeded: boolean;
};

// PostgreSQL, pg_trigger.tgtype.
const [row, before, onInsert, onDelete, onUpdate, onTruncate] = [1, 2, 4, 8, 16, 32] as const;

/** What 0003-change-log and 0007-contact-lists make. */
const triggers = [
  { table: 'users', name: 'kith_log', calls: 'kith_log_users', type: row + onDelete + onUpdate },
  {
    table: 'contacts',
    name: 'kith_log',
    calls: 'kith_log_contacts',
    type: row + onInsert + onDelete + onUpdate,
  },
  { table: 'users', name: 'kith_log_truncate', calls: 'kith_log_truncate', type: onTruncate },
  { table: 'contacts', name: 'kith_log_truncate', calls: 'kith_log_truncate', type: onTruncate },
  { table: 'users', name: 'kith_version', calls: 'kith_version_users', type: row + before + onUpdate },
  { table: 'contacts', name: 'kith_version', calls: 'kith_version_contacts', type: row + before + onUpdate },
  {
    table: 'contacts',
    name: 'kith_derive',
    calls: 'kith_derive_contact',
    type: row + onInsert + onDelete + onUpdate,
  },
  { table: 'contacts', name: 'kith_count_insert', calls: 'kith_count_contacts', type: onInsert },
  { table: 'contacts', name: 'kith_count_delete', calls: 'kith_count_contacts', type: onDelete },
  { table: 'contacts', name: 'kith_derive_truncate', calls: 'kith_derive_truncate', type: onTruncate },
] as const;

const statement = `select c.relname as "table", t.tgname as name, p.proname as calls, t.tgtype::int as type,
    t.tgenabled::text as enabled, t.tgqual is null and t.tgattr::text = '' as is_plain
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
  where t.tgname like 'kith\\_%' and c.relname in ('users', 'contacts')
    and c.relnamespace = (select oid from pg_namespace where nspname = current_schema())`;

/** To be asked at each start and whenever the shape changed. */
export const checkTriggers = async (connection: LogConnection): Promise<readonly LogTrigger[]> => {
  const found = await connection.rows(statement);
  return triggers.map(({ table, name, calls, type }) => {
    const trigger = found.find((each) => field(each, 'table') === table && field(each, 'name') === name);
    const isChanged =
      field(trigger, 'calls') !== calls ||
      field(trigger, 'type') !== type ||
      field(trigger, 'is_plain') !== true;
    const state =
      trigger === undefined ? 'missing' : isChanged ? 'changed' : stateOf(field(trigger, 'enabled'));
    return { table, name, state, isNeeded: name.startsWith('kith_log') };
  });
};

const stateOf = (enabled: unknown): LogTrigger['state'] =>
  enabled === 'A' ? 'always' : enabled === 'O' ? 'ordinary' : 'disabled';
