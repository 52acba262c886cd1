import type { TestDatabase } from './postgres.ts';

/** The lock of the migrations in the hands of a process of PostgreSQL, until this is disposed of. */
export const holdMigrations = async ({
  query,
}: Pick<TestDatabase, 'query'>): Promise<AsyncDisposable & { readonly pid: unknown }> => {
  const held = query(`select pg_advisory_lock(${0x6b697468}), pg_sleep(600)`).catch(() => undefined);
  const holders = () =>
    query(`select pid from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())`);
  let [holder] = await holders();
  while (holder === undefined) [holder] = await holders();
  const { pid } = holder;
  return {
    pid,
    async [Symbol.asyncDispose]() {
      await query(`select pg_terminate_backend(${pid})`);
      await held;
    },
  };
};
