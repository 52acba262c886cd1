import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import { tables } from './tables.ts';

/** What the role that serves needs, by table; docs/security.md shows the same. */
export const rights: Readonly<Record<string, readonly string[]>> = {
  kith_migrations: ['select'],
  ...Object.fromEntries(tables.map(({ entity, rights }) => [entity.meta.tableName, rights])),
  contact_counts: ['select'],
  contact_search: ['select'],
  change_log: ['select', 'delete'],
  log_state: ['select', 'insert', 'update'],
  log_notes: ['select', 'insert', 'delete'],
  log_bounds: ['select', 'insert', 'update'],
  instances: ['select', 'insert', 'delete'],
};

/** Grants them to a role, for which one must own the tables. A right that was granted before may be granted again. */
export const grantRights = async (em: SqlEntityManager, role: string): Promise<void> => {
  const kysely = em.getKysely<unknown>();
  const to = sql.id(role);
  await sql`grant usage on schema ${sql.id(await schemaOf(em))} to ${to}`.execute(kysely);
  for (const [table, granted] of Object.entries(rights)) {
    await sql`grant ${sql.raw(granted.join(', '))} on ${sql.id(table)} to ${to}`.execute(kysely);
  }
};

const schemaOf = async (em: SqlEntityManager): Promise<string> => {
  const { rows } = await sql<{ readonly name: string }>`select current_schema() as name`.execute(
    em.getKysely<unknown>(),
  );
  return rows[0]?.name ?? 'public';
};
