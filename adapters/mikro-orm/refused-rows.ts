import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/pglite';
import { parseContactPatch } from '../../domain/contact.ts';
import type { Issue, IssueCode } from '../../domain/issue.ts';
import type { Result } from '../../domain/result.ts';
import { parseUserPatch } from '../../domain/user.ts';
import type { OuterName } from '../system/names.ts';
import { lockDataDirectory } from './data-directory.ts';
import { toFault } from './faults.ts';
import { lookAtHome } from './home.ts';
import { field } from './log-answers.ts';
import { type LogConnection, onKysely } from './log-connection.ts';
import { ormOptions } from './orm-options.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { atPrimary, connect, examineLimits, type TlsOptions, tlsOptions } from './postgres-pool.ts';
import { firstMs, lastMs, UnreadableRow } from './row.ts';
import { contactColumns, parseContact } from './tables/contacts.ts';
import { parseUser, userColumns } from './tables/users.ts';

/** A stored value that today's rules would refuse. It is not in here. */
export type RefusedValue = {
  readonly table: 'users' | 'contacts';
  readonly id: string;
  readonly column: string;
  /** `not-canonical`: the rules would have stored it in another form. `unreadable`: answers of many leave the row out. */
  readonly problem: IssueCode | 'not-canonical' | 'unreadable';
};

/** Rows of one statement: what is held at once, whatever a table has. */
const pageRows = 1000;

/** A page of rows that are as long as they may be has some megabytes. */
const rowLimits = { ...examineLimits, statementTimeoutMs: 30_000, queryTimeoutMs: 31_000 };

/**
 * Every stored value that the rules of this version would refuse, table by table in the order of ids. Reads page by page, each
 * a statement of its own, so it holds no snapshot; what changes meanwhile may be told of or not. Rejects with a fault.
 */
export async function* refusedRows(connection: LogConnection): AsyncGenerator<RefusedValue> {
  for (const { table, columns, judge } of tables) {
    const text = `select ${columns} from ${table} where id > $1::uuid order by id limit ${pageRows}`;
    const first = `select ${columns} from ${table} order by id limit ${pageRows}`;
    let after: string | undefined;
    for (;;) {
      const rows = await (after === undefined ? connection.rows(first) : connection.rows(text, [after]));
      for (const row of rows) {
        const id = String(field(row, 'id'));
        for (const [column, problem] of judge(row)) yield { table, id, column, problem };
      }
      if (rows.length < pageRows) break;
      after = String(field(rows.at(-1), 'id'));
    }
  }
}

type Judgement = readonly [column: string, problem: RefusedValue['problem']];

/** A field that is new does not compile before it is judged. */
type Named<T> = { readonly [Field in keyof T as OuterName<Field>]-?: Field };

/** The rules of input for the fields of a table, by the names of their columns. */
const userFields = {
  email: 'email',
  username: 'username',
  phone: 'phone',
  name: 'name',
  bio: 'bio',
  occupation: 'occupation',
  location: 'location',
  avatar_url: 'avatarUrl',
  skills: 'skills',
  experience: 'experience',
} as const satisfies Named<Parameters<typeof parseUserPatch>[0]>;

const contactFields = {
  first_name: 'firstName',
  last_name: 'lastName',
  organization: 'organization',
  email: 'email',
  phone: 'phone',
  birthday: 'birthday',
  notes: 'notes',
} as const satisfies Named<Parameters<typeof parseContactPatch>[0]>;

const times = ['created_at', 'updated_at'] as const;

/** What a field would have become, if today's rules had met it, and what is wrong with it. */
const judgeFields = (
  row: unknown,
  fields: Readonly<Record<string, string>>,
  parse: (input: Readonly<Record<string, never>>) => Result<object, readonly Issue[]>,
): readonly Judgement[] =>
  Object.entries(fields).flatMap(([column, name]): readonly Judgement[] => {
    // Whatever it is: the rules are for what nobody knows yet.
    const value = field(row, column) as never;
    const parsed = parse({ [name]: value });
    if (!parsed.ok) return [[column, parsed.error[0]?.code ?? 'invalid-format']];
    const isAsStored = JSON.stringify(field(parsed.value, name)) === JSON.stringify(value);
    return isAsStored ? [] : [[column, 'not-canonical']];
  });

const judgeTimes = (row: unknown): readonly Judgement[] =>
  times.flatMap((column): readonly Judgement[] => {
    const ms = field(row, `${column}_ms`);
    return typeof ms === 'number' && ms >= firstMs && ms <= lastMs ? [] : [[column, 'out-of-range']];
  });

const judgeWhole = (row: unknown, read: (row: unknown) => unknown): readonly Judgement[] => {
  try {
    read(row);
    return [];
  } catch (error) {
    if (!(error instanceof UnreadableRow)) throw error;
    return [[error.column.replace(/_ms$/, ''), 'unreadable']];
  }
};

/** Once a column: what cannot be read at all says more than what the rules say of it. */
const once = (judgements: readonly Judgement[]): readonly Judgement[] =>
  judgements.filter(([column], at) => judgements.findIndex(([other]) => other === column) === at);

const tables = [
  {
    table: 'users',
    columns: userColumns,
    judge: (row: unknown) =>
      once([
        ...judgeWhole(row, parseUser),
        ...judgeFields(row, userFields, parseUserPatch),
        ...judgeTimes(row),
      ]),
  },
  {
    table: 'contacts',
    columns: contactColumns,
    judge: (row: unknown) =>
      once([
        ...judgeWhole(row, parseContact),
        ...judgeFields(row, contactFields, parseContactPatch),
        ...judgeTimes(row),
      ]),
  },
] as const;

/** Calls `tell` for each refused value of a PostgreSQL. Changes nothing. Throws a fault. */
export const tellRefusedOfPostgres = async (
  address: PostgresAddress,
  tell: (refused: RefusedValue) => void,
): Promise<void> => {
  try {
    const ssl = await tlsOptions(address.tls);
    const at = { ...(await atPrimary(address, ssl)), pooling: 'transaction' } as const;
    await using looking = connected(at, ssl);
    const { schema } = await lookAtHome(looking.connection);
    await using opened = connected({ ...at, schema: schema ?? at.schema }, ssl);
    for await (const refused of refusedRows(opened.connection)) tell(refused);
  } catch (error) {
    throw toFault(error);
  }
};

const connected = (address: PostgresAddress, ssl: TlsOptions) => {
  const orm = connect(address, ssl, rowLimits);
  return {
    connection: onKysely(orm.em.getKysely<unknown>()),
    [Symbol.asyncDispose]: () => orm.close(true),
  };
};

/** The same of the embedded database; nothing of one that there is not yet. Throws `DataDirectoryInUse`. */
export const tellRefusedOfEmbedded = async (
  dataDir: string,
  tell: (refused: RefusedValue) => void,
): Promise<void> => {
  const path = join(dataDir, 'pglite');
  if (!existsSync(path)) return;
  await using _lock = await lockDataDirectory(dataDir);
  const orm = new MikroORM({ ...ormOptions, dbName: path });
  try {
    for await (const refused of refusedRows(onKysely(orm.em.getKysely<unknown>()))) tell(refused);
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm.close(true);
  }
};
