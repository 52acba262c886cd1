import { randomUUID } from 'node:crypto';
import { begin, check, checkSettings } from '../../../adapters/mikro-orm/change-log.ts';
import { type LogConnection, onPostgres } from '../../../adapters/mikro-orm/log-connection.ts';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import type { PostgresAddress } from '../../../adapters/mikro-orm/postgres-address.ts';
import type { PgClient, PgPool } from '../../../adapters/mikro-orm/postgres-driver.ts';
import { connect } from '../../../adapters/mikro-orm/postgres-pool.ts';
import { judge, type Verdict } from '../../../application/caching/read-log.ts';
import type { LogPosition, LogRow } from '../../../domain/ports/change-log.ts';
import { hasSeen, type Xid } from '../../../domain/snapshot.ts';

export const bounds = { jMs: 2000, retentionMs: 2_040_000 };

const limits = {
  poolConnections: 1,
  connectionTimeoutMs: 5000,
  statementTimeoutMs: 60_000,
  queryTimeoutMs: 61_000,
  lockTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 60_000,
};

/** What checks ask of a connection, on one that is somebody's own. */
export const prepareConnection = async (connection: LogConnection, deadlineMs: number): Promise<void> => {
  for (const [name, value] of Object.entries(checkSettings(deadlineMs)))
    await connection.rows('select set_config($1, $2, false)', [name, value]);
};

/** Connections as psql has them, each of its own. */
export type Client = LogConnection & {
  /** One text as it is, several statements too. */
  run(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
};

export type Clients = AsyncDisposable & { connect(): Promise<Client> };

export const clientsOf = async (address: PostgresAddress, migrated = true): Promise<Clients> => {
  if (migrated) await migratePostgres(address);
  const orm = connect(address, false, limits);
  const pool: PgPool = await orm.driver.getConnection().getNativeClient();
  const open: PgClient[] = [];
  return {
    async connect() {
      const client = new pool.Client(pool.options);
      // A killed server says so here as well.
      client.on('error', () => undefined);
      await client.connect();
      open.push(client);
      return { ...onPostgres(client), run: async (text) => rowsOf(await client.query(text)) };
    },
    async [Symbol.asyncDispose]() {
      for (const client of open) client.connection.stream.destroy();
      await orm.close(true);
    },
  };
};

const rowsOf = (result: unknown): readonly Readonly<Record<string, unknown>>[] => {
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  const rows: unknown = Reflect.get(Object(last), 'rows');
  return Array.isArray(rows) ? rows : [];
};

/** What a process does with the log: checks, and judges what they answer. It keeps what it was brought. */
export class Reader {
  readonly #connection: LogConnection;
  readonly #id = randomUUID();
  #beat = 0;
  #answeredBeat = 0;
  identity = '';
  last: LogPosition | undefined;
  readonly brought: LogRow[] = [];
  readonly verdicts: Verdict[] = [];

  constructor(connection: LogConnection) {
    this.#connection = connection;
  }

  get id(): string {
    return this.#id;
  }

  /** Starts, or starts anew. */
  async start(from?: LogPosition): Promise<this> {
    await prepareConnection(this.#connection, 10_000);
    this.identity = (await begin(this.#connection, bounds)).identity;
    this.last = from;
    await this.check();
    return this;
  }

  async check(maxRows?: number): Promise<Verdict | undefined> {
    const answer = await check(this.#connection, {
      id: this.#id,
      beat: ++this.#beat,
      answeredBeat: this.#answeredBeat,
      jMs: bounds.jMs,
      protocol: 1,
      last: this.last?.snapshot,
      ...(maxRows !== undefined && { maxRows }),
    });
    this.#answeredBeat = this.#beat;
    const verdict = this.last === undefined ? undefined : judge(this.last, this.identity, answer);
    if (verdict !== undefined) this.verdicts.push(verdict);
    if (verdict?.kind === 'start-anew') return verdict;
    this.last = answer;
    if (answer.rows !== 'too-many') this.brought.push(...answer.rows);
    return verdict;
  }

  /** The keys that the next check brings, or why it is not a list of keys. */
  async news(): Promise<readonly string[] | string> {
    const before = this.brought.length;
    const verdict = await this.check();
    if (verdict === undefined) return 'first';
    if (verdict.kind === 'start-anew' || verdict.why !== undefined) return verdict.why ?? '';
    return this.brought.slice(before).map(({ source, key }) => `${source} ${key}`);
  }

  sees(xid: Xid): boolean {
    return this.last !== undefined && hasSeen(this.last.snapshot, xid);
  }
}

/** The id of person or contact n. Not version 7, nor any: what SQL puts in. */
export const idOf = (n: number): string => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`;

/** SQL that makes people from..to. */
export const people = (from: number, to: number): string => `insert into users
  (id, email, username, skills, role, is_active, is_verified, password_hash, created_at, updated_at, version, token_version)
  select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'p' || n || '@example.com', 'person' || n, '{}',
    'user', true, true, 'x', now(), now(), 1, 1 from generate_series(${from}, ${to}) n`;

/** SQL that makes one contact. */
export const contactOf = (owner: number, n: number): string => `insert into contacts
  (id, user_id, first_name, created_at, updated_at, version)
  values ('${idOf(n)}', '${idOf(owner)}', 'c', now(), now(), 1)`;
