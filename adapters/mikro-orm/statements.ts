import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { DatabaseUnavailable, WriteConflict } from '../../domain/faults.ts';
import { isLockTimeout, isWorthAnotherTry, toFault } from './faults.ts';
import type { LentConnection, Outcome } from './lent-connection.ts';

/** The connection or the open transaction that statements run on; rows are parsed, so the schema has no types here. */
export type Connection = Kysely<unknown>;

/** Lets work begin when the database is ready for it, and not more of it at once than it can take. */
export type Admission = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Single statements, each its own transaction, whose errors are the faults of the port. They go through Kysely on the
 * connections of MikroORM: a fifth of the time of `em.findOne`, and values travel as parameters, never inside the text
 * that a server writes to its log.
 */
export class Statements {
  readonly #em: SqlEntityManager;
  readonly #admit: Admission;

  constructor(em: SqlEntityManager, admit: Admission) {
    this.#em = em;
    this.#admit = admit;
  }

  /** A statement that changes nothing, so that it may be sent again. */
  read<T>(statement: RawBuilder<T>): Promise<readonly T[]> {
    return this.#admit(() => onLiveConnection(() => this.#execute(statement)));
  }

  /**
   * The same for a text with parameters ($1, $2 ...) and their values, so that the most frequent statements need not be
   * put together each time.
   */
  readText(text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    const statement = CompiledQuery.raw(text, [...values]);
    return this.#admit(() =>
      onLiveConnection(async () => (await this.#em.getKysely<unknown>().executeQuery(statement)).rows),
    );
  }

  write<T>(statement: RawBuilder<T>): Promise<readonly T[]> {
    return this.#admit(() => this.#execute(statement).catch(rethrow));
  }

  async #execute<T>(statement: RawBuilder<T>): Promise<readonly T[]> {
    return (await statement.execute(this.#em.getKysely<unknown>())).rows;
  }
}

/**
 * Tries again when the connection turned out to be dead, as those are whose backend was killed or whose server
 * restarted, or when what was prepared on it is out of date. In the pauses the pool finds out which other connections are dead. Only for statements that change nothing
 * when they fail.
 */
export const onLiveConnection = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (const pauseMs of [25, 100]) {
    try {
      return await attempt();
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw toFault(error);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  return attempt().catch(rethrow);
};

const rethrow = (error: unknown): never => {
  throw toFault(error);
};

/**
 * The statements of one transaction. It remembers whether one of them failed: then PostgreSQL rolls back at COMMIT, and
 * PGlite does so without saying it.
 */
export class TransactionStatements {
  readonly #compiler: Connection;
  readonly #connection: Pick<LentConnection, 'query'>;
  #failed = false;
  #isOver = false;

  /** `compiler` puts the statements together, and sends none of them. */
  constructor(compiler: Connection, connection: Pick<LentConnection, 'query'>) {
    this.#compiler = compiler;
    this.#connection = connection;
  }

  /** To be called before the transaction ends: what its work still sends would meet the next one on the connection. */
  end(): void {
    this.#isOver = true;
  }

  async #execute(statement: RawBuilder<unknown>): Promise<Outcome> {
    if (this.#isOver) throw new DatabaseUnavailable('the transaction is over');
    const { sql: text, parameters } = statement.compile(this.#compiler);
    return this.#connection.query(text, parameters);
  }

  get failed(): boolean {
    return this.#failed;
  }

  async rows(statement: RawBuilder<unknown>): Promise<readonly unknown[]> {
    try {
      return (await this.#execute(statement)).rows;
    } catch (error) {
      this.#failed = true;
      throw toFault(error);
    }
  }

  /**
   * Locks rows that many transactions lock, so that it is one of a few that wait for each other: one that waited too long is
   * run again, like one that PostgreSQL ended as a deadlock.
   */
  async lock(statement: RawBuilder<unknown>): Promise<readonly unknown[]> {
    try {
      return (await this.#execute(statement)).rows;
    } catch (error) {
      this.#failed = true;
      throw isLockTimeout(error) ? new WriteConflict('the wait for a lock took too long') : toFault(error);
    }
  }

  /** How many rows a statement changed. `explain` may turn an error into an answer; otherwise it becomes a fault. */
  async change<T = never>(
    statement: RawBuilder<unknown>,
    explain: (error: unknown) => T | undefined = () => undefined,
  ): Promise<T | number> {
    try {
      return (await this.#execute(statement)).changedRows;
    } catch (error) {
      this.#failed = true;
      const explained = explain(error);
      if (explained === undefined) throw toFault(error);
      return explained;
    }
  }
}

export type Columns = { readonly [column: string]: string | number | boolean | readonly string[] | null };

export const insertInto = (table: string, columns: Columns): RawBuilder<unknown> =>
  sql`insert into ${sql.table(table)} (${sql.join(Object.keys(columns).map((name) => sql.ref(name)))})
    values (${sql.join(Object.values(columns))})`;

export const assignments = (columns: Columns): RawBuilder<unknown> =>
  sql.join(Object.entries(columns).map(([name, value]) => sql`${sql.ref(name)} = ${value}`));

/** A select list, with one column more if there is one. */
export const columnsAnd = (columns: string, also?: string): RawBuilder<unknown> =>
  sql.raw(also === undefined ? columns : `${columns}, ${also}`);
