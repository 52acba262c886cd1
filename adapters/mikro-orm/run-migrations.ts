import type { IMigrator } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import { DatabaseUnavailable } from '../../domain/faults.ts';
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

/** For rows that somebody else holds: ten minutes. */
const [pauseMs, maxTries] = [100, 6000];

const fillWith = async ({ em }: Migratable, fill: string, rows: number): Promise<void> => {
  let first: unknown = '00000000-0000-0000-0000-000000000000';
  let tries = 0;
  while (first !== null) {
    const batch = sql`select ${sql.ref(fill)}(${first}::uuid, ${rows}) as last`;
    // Whoever calls may be in a transaction, which holds the lock of the migrations: a fork is not, so each batch is its own.
    const [answer] = (await batch.execute(em.fork().getKysely<unknown>())).rows;
    const last = field(answer, 'last') ?? null;
    tries = last === first ? tries + 1 : 0;
    if (tries === maxTries) throw new DatabaseUnavailable('a transaction holds rows that are to be migrated');
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    first = last;
  }
};
