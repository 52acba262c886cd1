import { sql } from 'kysely';
import type { UserKey } from '../../domain/identifiers.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import { accountColumns, parseAccount, parseCount, parseUser, userColumns } from './rows.ts';
import type { Statements } from './statements.ts';

const maxKeys = 500;

const findBy = (column: UserKey['kind']): string => `select ${userColumns} from users where ${column} = $1`;
const findText: Readonly<Record<UserKey['kind'], string>> = {
  id: findBy('id'),
  email: findBy('email'),
  username: findBy('username'),
  phone: findBy('phone'),
};

export const userRepository = (statements: Statements): UserRepository => ({
  async find({ kind, value }) {
    const [row] = await statements.readText(findText[kind], [value]);
    return row === undefined ? undefined : parseUser(row);
  },

  async findMany(keys) {
    if (keys.length > maxKeys) throw new RangeError(`at most ${maxKeys} keys are accepted`);
    if (keys.length === 0) return [];
    // Four arrays, so that there is one text for every mixture and PostgreSQL can combine the four indexes.
    const rows = await statements.read(
      sql`select ${sql.raw(userColumns)} from users
        where id = any(${valuesOf('id', keys)}::uuid[])
        or email = any(${valuesOf('email', keys)}::text[])
        or username = any(${valuesOf('username', keys)}::text[])
        or phone = any(${valuesOf('phone', keys)}::text[])`,
    );
    return rows.map(parseUser);
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

const valuesOf = (kind: UserKey['kind'], keys: readonly UserKey[]): readonly string[] =>
  keys.filter((key) => key.kind === kind).map((key) => key.value);
