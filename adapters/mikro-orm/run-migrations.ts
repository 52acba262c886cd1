import type { IMigrator } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import { field } from './log-answers.ts';
import { fillsBefore } from './migrations.ts';

/** MikroORM on either database. */
export type Migratable = { readonly migrator: IMigrator; readonly em: SqlEntityManager };

/**
 * Runs what is missing of the migrations, and says what that was. All those up to one that asks for batches are one
 * transaction. The batches before it are a transaction each, so that nobody waits for longer than one of them. Only one
 * process at a time may do this.
 */
export const runMigrations = async (orm: Migratable): Promise<readonly string[]> => {
  const applied: string[] = [];
  const pending = (await orm.migrator.getPending()).map(({ name }) => name);
  const runUpTo = async (last: string | undefined): Promise<void> => {
    if (last === undefined) return;
    applied.push(...(await orm.migrator.up({ to: last })).map(({ name }) => name));
  };
  let last: string | undefined;
  for (const name of pending) {
    const fills = fillsBefore[name];
    if (fills !== undefined) {
      await runUpTo(last);
      for (const [fill, rows] of fills) await fillWith(orm, fill, rows);
    }
    last = name;
  }
  await runUpTo(last);
  return applied;
};

const fillWith = async ({ em }: Migratable, fill: string, rows: number): Promise<void> => {
  let next: unknown = '00000000-0000-0000-0000-000000000000';
  while (next !== null) {
    const batch = sql`select ${sql.ref(fill)}(${next}::uuid, ${rows}) as last`;
    const [answer] = (await batch.execute(em.getKysely<unknown>())).rows;
    next = field(answer, 'last') ?? null;
  }
};
