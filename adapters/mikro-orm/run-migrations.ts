import type { IMigrator } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import { isLockTimeout } from './faults.ts';
import { field } from './log-answers.ts';
import { fillsBefore } from './migrations.ts';

/** MikroORM on either database. */
export type Migratable = { readonly migrator: IMigrator; readonly em: SqlEntityManager };

/**
 * Runs what is missing of the migrations, each in a transaction of its own, and says what that was. The batches before one
 * are a transaction each too, so that nobody waits for longer than one of them. What waits for a lock for longer than
 * `lock_timeout` is rolled back and run again, `tries` times in all: whoever asks for a table behind a lock that is waited
 * for waits as well, a reader too. Only one process at a time may do this.
 */
export const runMigrations = async (orm: Migratable, tries: number = 1): Promise<readonly string[]> => {
  const applied: string[] = [];
  for (const { name } of await orm.migrator.getPending()) {
    for (const [fill, rows] of fillsBefore[name] ?? []) await fillWith(orm, fill, rows, tries);
    const run = await patiently(tries, () => orm.migrator.up({ to: name }));
    applied.push(...run.map((each) => each.name));
  }
  return applied;
};

const pauseBetweenTriesMs = 500;

const patiently = async <T>(tries: number, work: () => Promise<T>): Promise<T> => {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (tried >= tries || !isLockTimeout(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseBetweenTriesMs));
    }
  }
};

/** For rows that somebody else holds: ten minutes. */
const [pauseMs, maxTries] = [100, 6000];

const fillWith = async ({ em }: Migratable, fill: string, rows: number, lockTries: number): Promise<void> => {
  let first: unknown = '00000000-0000-0000-0000-000000000000';
  let tries = 0;
  while (first !== null) {
    const batch = sql`select ${sql.ref(fill)}(${first}::uuid, ${rows}) as last`;
    // Whoever calls may be in a transaction, which holds the lock of the migrations: a fork is not, so each batch is its own.
    const [answer] = await patiently(
      lockTries,
      async () => (await batch.execute(em.fork().getKysely<unknown>())).rows,
    );
    const last = field(answer, 'last') ?? null;
    tries = last === first ? tries + 1 : 0;
    if (tries === maxTries) throw new DatabaseUnavailable('a transaction holds rows that are to be migrated');
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    first = last;
  }
};
