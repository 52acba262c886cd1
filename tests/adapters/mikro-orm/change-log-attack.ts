/**
 * Transactions of every kind from several connections at once, while readers read the log: every committed row has to be
 * brought once, by the first check that began after its commit was answered.
 */
import type { LogConnection } from '../../../adapters/mikro-orm/log-connection.ts';
import type { Random } from '../../torture/random.ts';
import { type Client, type Clients, contactOf, idOf, Reader } from './change-log-support.ts';

export type Attack = {
  readonly random: Random;
  readonly writers: number;
  /** Of each writer. */
  readonly transactions: number;
  /** Whether COMMIT PREPARED is among them; PostgreSQL has to be configured for it. */
  readonly twoPhase: boolean;
  /** What stands between a reader and its connection: a mutant of the statement. */
  readonly disturb?: (connection: LogConnection) => LogConnection;
};

export type Outcome = {
  /** Rows of the log. */
  committed: number;
  /** How many transactions ended in each way. */
  readonly ends: Map<string, number>;
  checks: number;
  /** Rows as `xid source key`. */
  readonly late: string[];
  readonly missed: string[];
  readonly twice: string[];
  /** Brought, and never committed. */
  readonly invented: string[];
};

/** People 1 to 60 are everybody's; each writer has ten of its own, so that what stays locked for long is in nobody's way. */
export const population = 400;
const ownOf = (writer: number): number => 100 + 10 * writer;

/** Ends early when something is wrong. */
export const attack = async (clients: Clients, plan: Attack): Promise<Outcome> => {
  const outcome: Outcome = {
    committed: 0,
    ends: new Map(),
    checks: 0,
    late: [],
    missed: [],
    twice: [],
    invented: [],
  };
  /** Rows whose commit was answered, in that order. */
  const ledger: string[] = [];
  const isWrong = (): boolean => outcome.late.length + outcome.twice.length > 0;
  let writing = true;
  let finished = false;

  const following: Promise<ReadonlyMap<string, number>>[] = [];
  const disturb = plan.disturb ?? ((connection: LogConnection) => connection);
  const follow = async (every: number): Promise<void> => {
    const reader = await new Reader(disturb(await clients.connect())).start();
    const pacer = await clients.connect();
    const started = ledger.length;
    following.push(
      (async () => {
        const brought = new Map<string, number>();
        let [read, proved] = [0, started];
        /** What earlier checks brought. */
        const earlier = new Set<string>();
        for (let last = false; !last; ) {
          last = finished || isWrong();
          for (let pause = 1; pause < every; pause++) await pacer.rows('select 1');
          const due = ledger.length;
          await reader.check();
          outcome.checks++;
          const news: string[] = [];
          for (; read < reader.brought.length; read++) {
            const row = reader.brought[read];
            const name = `${row?.xid} ${row?.source} ${row?.key}`;
            brought.set(name, (brought.get(name) ?? 0) + 1);
            // All rows of a transaction become visible at once.
            if (earlier.has(name)) outcome.twice.push(name);
            news.push(name);
          }
          for (const name of news) earlier.add(name);
          for (; proved < due; proved++) {
            const row = ledger[proved] ?? '';
            if (!brought.has(row)) outcome.late.push(row);
          }
        }
        return brought;
      })(),
    );
  };
  const auditor = await clients.connect();
  await auditor.run('delete from contacts');
  await auditor.run('delete from change_log');
  await follow(1);
  await follow(20);
  const writers = Array.from({ length: plan.writers }, async (_, index) => {
    const writer = new Writer(await clients.connect(), plan, index, (way, rows) => {
      outcome.ends.set(way, (outcome.ends.get(way) ?? 0) + 1);
      ledger.push(...rows);
    });
    for (let turn = 0; turn < plan.transactions && !isWrong(); turn++) await writer.transact();
    await writer.finish();
  });
  const long = [1, 2].map(async (each) => {
    const client = await clients.connect();
    for (let done = false; !done; ) {
      const row = `users ${idOf(ownOf(plan.writers) + each)}`;
      await client.run('begin');
      const [xid] = await client.run('select pg_current_xact_id()::text as xid');
      await client.rows('update users set name = $1 where id = $2', ['long', row.slice(6)]);
      // Longer than many others, as these see it.
      for (let wait = 100 * each; wait > 0 && !isWrong(); wait--) await client.rows('select 1');
      done = !writing;
      await client.run('commit');
      ledger.push(`${xid?.['xid']} ${row}`);
    }
  });
  await Promise.all(writers);
  writing = false;
  await Promise.all(long);
  finished = true;
  const all = await Promise.all(following);

  const logged = await auditor.run(
    'select xid::text, source, key, count(*)::int as total from change_log group by 1, 2, 3',
  );
  const committed = new Map(
    logged.map((row) => [`${row['xid']} ${row['source']} ${row['key']}`, Number(row['total'])]),
  );
  outcome.committed = [...committed.values()].reduce((sum, total) => sum + total, 0);
  for (const brought of all) {
    for (const [row, total] of committed) {
      const found = brought.get(row) ?? 0;
      if (found < total) outcome.missed.push(row);
      if (found > total) outcome.twice.push(row);
    }
    for (const row of brought.keys()) if (!committed.has(row)) outcome.invented.push(row);
  }
  // The triggers too: what the writers know to be committed is in the log.
  for (const row of ledger) if (!committed.has(row)) outcome.missed.push(row);
  return outcome;
};

/** How a transaction ended, and what became visible by it. */
type Ended = (way: string, rows: readonly string[]) => void;

/** One connection and its transactions. */
export class Writer {
  readonly #client: Client;
  readonly #plan: Pick<Attack, 'random' | 'twoPhase'>;
  readonly #index: number;
  readonly #ended: Ended;
  readonly #held: { end: () => Promise<void>; turns: number }[] = [];
  #contacts = 0;
  #names = 0;

  constructor(client: Client, plan: Pick<Attack, 'random' | 'twoPhase'>, index: number, ended: Ended) {
    this.#client = client;
    this.#plan = plan;
    this.#index = index;
    this.#ended = ended;
  }

  async transact(): Promise<void> {
    const { random, twoPhase } = this.#plan;
    const { level, way } = {
      level: random.pick(['read committed', 'read committed', 'repeatable read', 'serializable']),
      way: random.pick(['commit', 'commit', 'commit', 'roll back', twoPhase ? 'prepare' : 'commit']),
    };
    const own = way === 'prepare';
    const client = this.#client;
    const changed: string[] = [];
    // What it prepared keeps its locks; the next one on the same rows would wait for ever.
    if (own) await this.finish();
    try {
      await client.run(`begin isolation level ${level}`);
      if (random.chance(0.1)) await client.run('set local session_replication_role = replica');
      // An id of early on, or one that the first change gives.
      const early = random.chance(0.5) ? await this.#xid() : undefined;
      for (let step = random.between(1, 4); step > 0; step--) {
        if (random.chance(0.3)) await this.#nest(changed, own);
        else await this.#change(changed, own);
      }
      const xid = early ?? (await this.#xid());
      const rows = changed.map((row) => `${xid} ${row}`);
      if (way === 'roll back') {
        await client.run('rollback');
        this.#ended(way, []);
      } else if (way === 'commit') {
        await client.run('commit');
        this.#ended(level, rows);
      } else await this.#prepare(rows);
    } catch (error) {
      const code = String(Reflect.get(Object(error), 'code'));
      // A deadlock, or an order that SERIALIZABLE does not allow.
      if (code !== '40001' && code !== '40P01') throw error;
      this.#ended(code, []);
      await client.run('rollback');
    }
    await this.#endSome();
  }

  /** Ends what was prepared and not committed yet. */
  async finish(): Promise<void> {
    for (const held of this.#held.splice(0)) await held.end();
  }

  async #xid(): Promise<string> {
    const [row] = await this.#client.run('select pg_current_xact_id()::text as xid');
    return String(row?.['xid']);
  }

  async #change(changed: string[], own: boolean): Promise<void> {
    const { random } = this.#plan;
    const base = ownOf(this.#index);
    const n = own ? random.between(base, base + 9) : random.between(1, 60);
    if (!own && random.chance(0.2)) {
      const contact = 1_000_000 * (this.#index + 1) + ++this.#contacts;
      await this.#client.run(contactOf(n, contact));
      changed.push(`contacts ${idOf(n)}:${idOf(contact)}`);
      if (random.chance(0.3)) {
        await this.#client.run(`delete from contacts where id = '${idOf(contact)}'`);
        changed.push(`contacts ${idOf(n)}:${idOf(contact)}`);
      }
      return;
    }
    await this.#client.rows('update users set name = $1 where id = $2', [
      `${this.#index} ${++this.#names}`,
      idOf(n),
    ]);
    changed.push(`users ${idOf(n)}`);
  }

  /** A savepoint, whose subtransaction has an id of its own that no snapshot speaks of. */
  async #nest(changed: string[], own: boolean): Promise<void> {
    const { random } = this.#plan;
    const inner: string[] = [];
    await this.#client.run('savepoint inner_one');
    await this.#change(inner, own);
    if (random.chance(0.5)) {
      await this.#client.run('savepoint inner_two');
      await this.#change([], own);
      await this.#client.run('rollback to savepoint inner_two');
    }
    const keeps = random.chance(0.6);
    await this.#client.run(`${keeps ? 'release' : 'rollback to'} savepoint inner_one`);
    if (keeps) changed.push(...inner);
  }

  async #prepare(rows: readonly string[]): Promise<void> {
    const { random } = this.#plan;
    const name = `kith ${this.#index} ${rows[0]} ${random.between(1, 1e9)}`;
    await this.#client.run(`prepare transaction '${name}'`);
    const commits = random.chance(0.7);
    const end = async (): Promise<void> => {
      await this.#client.run(`${commits ? 'commit' : 'rollback'} prepared '${name}'`);
      this.#ended(commits ? 'commit prepared' : 'roll back prepared', commits ? rows : []);
    };
    this.#held.push({ end, turns: random.between(1, 12) });
  }

  async #endSome(): Promise<void> {
    for (const held of this.#held) held.turns--;
    const [first] = this.#held;
    if (first !== undefined && first.turns <= 0) await this.finish();
  }
}
