import { type Rule, rulesOf, triggersOf } from '../../adapters/mikro-orm/rules.ts';
import type { TestDatabase } from './postgres.ts';

/** Runs SQL as if it had been before the rules of a table, which from then on hold for values that are new. */
export const storedBefore = async (
  { query }: Pick<TestDatabase, 'query'>,
  table: Rule['table'],
  statement: string,
): Promise<void> => {
  const rules = rulesOf(table);
  for (const { name } of rules) {
    await query(`alter table ${table} drop constraint if exists ${name}`);
    for (const each of [name, `${name}_new`]) await query(`drop trigger if exists ${each} on ${table}`);
  }
  await query(statement);
  for (const each of rules.flatMap(triggersOf)) await query(each);
};
