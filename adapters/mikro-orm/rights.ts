import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';

/** What the role that serves needs, and no more; docs/security.md shows the same. */
export const rights: Readonly<Record<string, readonly string[]>> = {
  kith_migrations: ['select'],
  users: ['select', 'insert', 'update'],
  contacts: ['select', 'insert', 'update', 'delete'],
  cache_journal: ['select', 'insert', 'delete'],
  login_attempts: ['select', 'insert', 'update', 'delete'],
};

/** Gives them to a role; whoever asks must own the tables. To grant what was granted before changes nothing. */
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
