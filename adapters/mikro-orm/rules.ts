/**
 * What the domain refuses, the database refuses too, whoever writes: constraints that are made from the domain's limits.
 * A value that was stored before a rule is let stand, whatever else of its row changes, for its owner has to be able to go
 * on; a constraint of PostgreSQL would refuse every change of such a row. So each rule is held in one of two forms:
 *
 * - by a check constraint, which is valid: every stored row keeps it;
 * - by two triggers of its name, which look at values that are new, where there may be older ones that break it.
 *
 * The migration makes the triggers, without reading a row; `proveRules` then looks whether all rows keep the rule, and puts
 * the constraint in their place.
 */

import { type Range, textTables } from '../../domain/code-points.ts';
import { emailLimits, identifierForms, usernameLimits } from '../../domain/identifiers.ts';
import type { TextLimits } from '../../domain/text.ts';
import { longTextLimits, maxSkills, nameLimits, skillLimits, urlLimits } from '../../domain/user.ts';

export type Rule = {
  readonly table: 'users' | 'contacts';
  readonly column: string;
  /** Of the constraint, and of the triggers. */
  readonly name: string;
  /** Whether a value keeps it; NULL for NULL. */
  readonly holds: (value: string) => string;
  /** What a value is compared as, to tell a new one from one that stands. */
  readonly compared: (value: string) => string;
};

const { forbidden, lineBreaks, spaces, invisible } = textTables;

const escaped = (code: number): string =>
  code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;

/** What stands between the brackets of a class. PostgreSQL has no text with a zero in it, and no expression either. */
const classOf = (...tables: readonly (readonly Range[])[]): string =>
  tables
    .flat()
    .map(([first, last]) => `${escaped(Math.max(first, 1))}-${escaped(last)}`)
    .join('');

// By bytes: what is compared by the locale of a database is another text in the next one. In dollars, so that a backslash
// is one whatever `standard_conforming_strings` says.
const matches = (value: string, expression: string): string => `${value} collate "C" ~ $re$${expression}$re$`;

const isLong = (value: string, { minCodePoints, maxCodePoints }: TextLimits): string =>
  `char_length(${value}) between ${minCodePoints} and ${maxCodePoints}`;

const isText = (value: string, limits: TextLimits): string =>
  `${isLong(value, limits)} and not ${matches(value, `[${classOf(forbidden)}]`)}`;

/** With something visible, and without white space at its ends. */
const isLine = (value: string, limits: TextLimits): string =>
  [
    isLong(value, limits),
    `not ${matches(value, `[${classOf(forbidden, lineBreaks)}]`)}`,
    `not ${matches(value, `^[${classOf(spaces)}]|[${classOf(spaces)}]$`)}`,
    matches(value, `[^${classOf(spaces, invisible)}]`),
  ].join(' and ');

const hasForm = (value: string, kind: keyof typeof identifierForms): string =>
  matches(value, identifierForms[kind].source);

// Which domains there are in which scripts only a parser can tell.
const contactEmail = '^[\\u0021-\\u003f\\u0041-\\u007e]{1,64}@[^@[:space:][:cntrl:]]+$';

// The years 1 to 9999: those of the calendar that a time is written in.
const isTime = (value: string): string =>
  `${value} between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999+00'`;

// What is a URL beyond its beginning only a parser can tell.
const isUrl = (value: string): string =>
  `${isLine(value, urlLimits)} and ${matches(value, '^[hH][tT][tT][pP][sS]://[^/]')}`;

const areSkills = (value: string): string =>
  `coalesce(array_ndims(${value}), 1) = 1 and cardinality(${value}) <= ${maxSkills}
    and not exists (select from unnest(${value}) skill where (${isLine('skill', skillLimits)}) is not true)`;

/** Functions, so that what is held of a column can be read in its constraint. One that a release has used never changes. */
const functions: Readonly<Record<string, readonly [type: string, body: string]>> = {
  kith_is_email: ['text', `${isLong('$1', emailLimits)} and ${hasForm('$1', 'email')}`],
  kith_is_contact_email: ['text', `${isLong('$1', emailLimits)} and ${matches('$1', contactEmail)}`],
  kith_is_username: ['text', `${isLong('$1', usernameLimits)} and ${hasForm('$1', 'username')}`],
  kith_is_phone: ['text', hasForm('$1', 'phone')],
  kith_is_name: ['text', isLine('$1', nameLimits)],
  kith_is_long_text: ['text', isText('$1', longTextLimits)],
  kith_is_url: ['text', isUrl('$1')],
  kith_are_skills: ['text[]', areSkills('$1')],
  kith_is_time: ['timestamptz', isTime('$1')],
  kith_is_birthday: ['date', "$1 between '0001-01-01' and '9999-12-31'"],
};

const columns: Readonly<Record<Rule['table'], Readonly<Record<string, keyof typeof functions>>>> = {
  users: {
    email: 'kith_is_email',
    username: 'kith_is_username',
    phone: 'kith_is_phone',
    name: 'kith_is_name',
    bio: 'kith_is_long_text',
    occupation: 'kith_is_name',
    location: 'kith_is_name',
    avatar_url: 'kith_is_url',
    skills: 'kith_are_skills',
    experience: 'kith_is_long_text',
    created_at: 'kith_is_time',
    updated_at: 'kith_is_time',
  },
  contacts: {
    first_name: 'kith_is_name',
    last_name: 'kith_is_name',
    organization: 'kith_is_name',
    email: 'kith_is_contact_email',
    phone: 'kith_is_phone',
    birthday: 'kith_is_birthday',
    notes: 'kith_is_long_text',
    created_at: 'kith_is_time',
    updated_at: 'kith_is_time',
  },
};

/** What a NULL in an array was read as: nothing. A person who writes back what they read does not change it. */
const withoutNulls = (value: string): string => `array_remove(${value}, null)`;

const tables = ['users', 'contacts'] as const;

export const rulesOf = (table: Rule['table']): readonly Rule[] =>
  Object.entries(columns[table]).map(([column, holds]) => ({
    table,
    column,
    name: `${table}_${column}_check`,
    holds: (value) => `${holds}(${value})`,
    compared: column === 'skills' ? withoutNulls : (value) => value,
  }));

export const rules: readonly Rule[] = tables.flatMap(rulesOf);

/** As MikroORM knows them. */
export const checksOf = (
  table: Rule['table'],
): readonly { readonly name: string; readonly expression: string }[] =>
  rulesOf(table).map(({ name, column, holds }) => ({ name, expression: holds(column) }));

export const constraint = ({ name, column, holds }: Rule): string =>
  `add constraint ${name} check (${holds(column)})`;

/** On insert, and on update: each names what it looks at, and only the second has an old row. */
export const triggersOf = ({ table, column, name, holds, compared }: Rule): readonly string[] => {
  const isBroken = `not ${holds(`new.${column}`)}`;
  const isNew = `${compared(`new.${column}`)} is distinct from ${compared(`old.${column}`)}`;
  const make = (suffix: string, event: string, condition: string): readonly string[] => [
    `create trigger ${name}${suffix} before ${event} on ${table}
      for each row when (${condition}) execute function kith_refuse('${name}')`,
    `alter table ${table} enable always trigger ${name}${suffix}`,
  ];
  return [
    ...make('_new', 'insert', isBroken),
    ...make('', `update of ${column}`, `${isBroken} and ${isNew}`),
  ];
};

/** The error of a check constraint, but for the row in it. */
const refuse = `create function kith_refuse() returns trigger language plpgsql as $$
  begin
    raise check_violation using
      message = format('new row for relation "%s" violates check constraint "%s"', tg_table_name, tg_argv[0]),
      schema = tg_table_schema, table = tg_table_name, constraint = tg_argv[0];
  end $$`;

/** Where there is no row yet, the constraints are made at once. No lock of it blocks a reader of a table with rows. */
const holdOn = (table: Rule['table']): string => `do $do$ begin
    lock table ${table} in share row exclusive mode;
    if exists (select from ${table}) then
      ${rulesOf(table).flatMap(triggersOf).join(';\n')};
    else
      alter table ${table} ${rulesOf(table).map(constraint).join(', ')};
    end if;
  end $do$`;

/** What the migration `0006-rules` does. */
export const holdRules: readonly string[] = [
  ...Object.entries(functions).map(
    ([name, [type, body]]) =>
      `create function ${name}(${type}) returns boolean language sql immutable parallel safe as $body$ select ${body} $body$`,
  ),
  refuse,
  ...tables.map(holdOn),
];
