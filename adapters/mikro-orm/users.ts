import { type RawBuilder, sql } from 'kysely';
import type { UserKey } from '../../domain/identifiers.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import type { LeftOut } from './left-out.ts';
import { parseCount } from './row.ts';
import { columnsAnd, type Statements } from './statements.ts';
import { accountColumns, parseAccount, parseUser, userColumns } from './tables/users.ts';

const maxKeys = 500;

const findBy = (column: UserKey['kind']): string =>
  `select ${userColumns}, (select kith_proof()) as proof from users where ${column} = $1`;

/** The text that finds a user by a key ($1), with the proof of the statement. */
export const userByText: Readonly<Record<UserKey['kind'], string>> = {
  id: findBy('id'),
  email: findBy('email'),
  username: findBy('username'),
  phone: findBy('phone'),
};

export const userRepository = (statements: Statements, leftOut: LeftOut): UserRepository => ({
  async find({ kind, value }) {
    const [row] = await statements.readText(userByText[kind], [value]);
    return row === undefined ? undefined : parseUser(row);
  },

  async findMany(keys) {
    if (keys.length === 0) return [];
    const rows = await statements.read(usersStatement(keys));
    return leftOut.readable(rows, parseUser);
  },

  async findAccount({ kind, value }) {
    const rows = await statements.read(
      sql`select ${sql.raw(accountColumns)} from users where ${sql.ref(kind)} = ${value}`,
    );
    return rows.map(parseAccount)[0];
  },

  async countAdmins() {
    const [row] = await statements.read(
      sql`select count(*)::int as total from users where role = 'admin' and is_active`,
    );
    return parseCount(row);
  },
});

/** Four arrays, so that there is one text for every mixture and PostgreSQL can combine the four indexes. */
export const usersStatement = (keys: readonly UserKey[], also?: string): RawBuilder<unknown> => {
  if (keys.length > maxKeys) throw new RangeError(`at most ${maxKeys} keys are accepted`);
  return sql`select ${columnsAnd(userColumns, also)} from users
    where id = any(${valuesOf('id', keys)}::uuid[])
    or email = any(${valuesOf('email', keys)}::text[])
    or username = any(${valuesOf('username', keys)}::text[])
    or phone = any(${valuesOf('phone', keys)}::text[])`;
};

const valuesOf = (kind: UserKey['kind'], keys: readonly UserKey[]): readonly string[] =>
  keys.filter((key) => key.kind === kind).map((key) => key.value);
