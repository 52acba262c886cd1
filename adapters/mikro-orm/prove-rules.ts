import type { Log } from '../../domain/ports/runtime.ts';
import { isCheckViolation, isLockTimeout } from './faults.ts';
import { field } from './log-answers.ts';
import type { LogConnection } from './log-connection.ts';
import { constraint, type Rule, rules, rulesOf } from './rules.ts';

/** `proved`: every stored row keeps it. `new-values`: older ones may break it. `missing`: it is held of nothing. */
export type RuleState = { readonly name: string; readonly state: 'proved' | 'new-values' | 'missing' };

const states = `select r.name,
    coalesce((select convalidated from pg_constraint c where c.conrelid = to_regclass(r.place) and c.conname = r.name), false) as is_valid,
    exists (select from pg_constraint c where c.conrelid = to_regclass(r.place) and c.conname = r.name) as is_there,
    (select count(*)::int from pg_trigger t
      where t.tgrelid = to_regclass(r.place) and t.tgname in (r.name, r.name || '_new') and t.tgenabled = 'A') as triggers
  from unnest($1::text[], $2::text[]) r(name, place)`;

const askStates = (connection: LogConnection): Promise<readonly unknown[]> =>
  connection.rows(states, [rules.map(({ name }) => name), rules.map(({ table }) => table)]);

/** In which form each rule is held. */
export const checkRules = async (connection: LogConnection): Promise<readonly RuleState[]> =>
  (await askStates(connection)).map((row) => ({
    name: String(field(row, 'name')),
    state:
      field(row, 'is_valid') === true ? 'proved' : field(row, 'triggers') === 2 ? 'new-values' : 'missing',
  }));

/**
 * Puts the constraint in the place of the triggers for each rule that all rows keep, and answers with the names of the
 * others. Nobody can break a rule meanwhile, for the triggers are there. Readers go on: the rows are read under locks that
 * no reader meets, and for the moment that needs more it waits for a moment, a few times, and then leaves it to the next
 * time.
 */
export const proveRules = async (
  connection: LogConnection,
  patience: LockPatience = usualPatience,
): Promise<readonly string[]> => {
  const alter = (statements: string): Promise<boolean> => inAMoment(connection, statements, patience);
  for (const table of ['users', 'contacts'] as const) {
    const open = await rulesToProve(connection, table);
    if (open.length === 0) continue;
    const asked = open.map(
      ({ rule }) => `coalesce(bool_and(${rule.holds(rule.column)}), true) as ${rule.name}`,
    );
    const [kept] = await connection.rows(`select ${asked.join(', ')} from ${table}`);
    const proved = open.filter(({ rule }) => field(kept, rule.name) === true);
    if (proved.length === 0) continue;
    const added = proved.filter(({ isThere }) => !isThere).map(({ rule }) => `${constraint(rule)} not valid`);
    const isHeld =
      (added.length === 0 || (await alter(`alter table ${table} ${added.join(', ')}`))) &&
      (await validate(alter, table, proved));
    if (isHeld) await alter(proved.flatMap(({ rule }) => without(rule)).join('; '));
  }
  const states = await checkRules(connection);
  return states.filter(({ state }) => state !== 'proved').map(({ name }) => name);
};

type Open = { readonly rule: Rule; readonly isThere: boolean };

const rulesToProve = async (connection: LogConnection, table: Rule['table']): Promise<readonly Open[]> => {
  const found = await askStates(connection);
  return rulesOf(table).flatMap((rule) => {
    const row = found.find((each) => field(each, 'name') === rule.name);
    const isDone = field(row, 'is_valid') === true && field(row, 'triggers') === 0;
    return isDone ? [] : [{ rule, isThere: field(row, 'is_there') === true }];
  });
};

/** Where a row breaks one all the same, its triggers having been off, none of them stays: it would hold that row fast. */
const validate = async (
  alter: (statements: string) => Promise<boolean>,
  table: string,
  proved: readonly Open[],
): Promise<boolean> => {
  try {
    return await alter(alterEach(table, proved, 'validate constraint'));
  } catch (error) {
    if (!isCheckViolation(error)) throw error;
    await alter(alterEach(table, proved, 'drop constraint'));
    return false;
  }
};

const alterEach = (table: string, open: readonly Open[], action: string): string =>
  `alter table ${table} ${open.map(({ rule }) => `${action} ${rule.name}`).join(', ')}`;

const without = ({ name, table }: Rule): readonly string[] =>
  [name, `${name}_new`].map((each) => `drop trigger if exists ${each} on ${table}`);

/** `lockMs`: how long it waits, and with it who comes behind it, each time. */
export type LockPatience = { readonly lockMs: number; readonly tries: number; readonly pauseMs: number };

const usualPatience: LockPatience = { lockMs: 200, tries: 5, pauseMs: 500 };

/** Whoever asks for a table behind a lock that is waited for waits as well: so never for long. */
const inAMoment = async (
  connection: LogConnection,
  statements: string,
  { lockMs, tries, pauseMs }: LockPatience,
): Promise<boolean> => {
  for (let tried = 0; tried < tries; tried++) {
    try {
      await connection.rows(`do $do$ begin
        perform set_config('lock_timeout', '${lockMs}ms', true);
        ${statements};
      end $do$`);
      return true;
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  return false;
};

/** Once, when the rules are new to the database; `kith doctor` says it from then on. */
export const warnOfRules = (log: Log, unproved: readonly string[]): void => {
  if (unproved.length > 0) log.warn('rules-not-proved', { rules: unproved.join(' ') });
};
