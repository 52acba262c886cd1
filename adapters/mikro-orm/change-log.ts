/**
 * CHECK: how an instance reads the log of changes, whole, for itself.
 *
 * What became visible since the last snapshot S is what has an id from S's xmax on, and what was in progress in S: two
 * looks into one index, however long the log is and however old the oldest transaction. There is no cursor, for ids are
 * not in the order of commits; nothing is consumed; and what a row says is visible in the very snapshot that the answer
 * brings, which is the next S. So every committed row is read once, in the first check that began after its commit.
 */
import type { CheckAnswer } from '../../domain/ports/change-log.ts';
import { formatSnapshot, type Snapshot } from '../../domain/snapshot.ts';
import { listStatement } from './instances.ts';
import { countIn, parseCheck, textIn } from './log-answers.ts';
import { inTransaction, type LogConnection } from './log-connection.ts';
import { shape } from './log-shape.ts';
import { type Settings, settingsOf } from './session.ts';

/** More are everything: 20,000 rows are a text of 1.5 MB, and a memory that is empty again costs less than their keys. */
export const maxRowsOfCheck = 20_000;

/** Which server, database and log this is. A copy of any kind differs in one of them or in the epoch. */
export const place: string = `(select system_identifier from pg_control_system()) || '.' ||
  (select oid from pg_database where datname = current_database())`;
const madeFor = `${place} || '.' || s.tableoid`;
const identity = `${place} || '.' || s.epoch`;
/** Of a state `s`: whether it was made for this database, or came with a copy of another. */
export const isMadeHere: string = `s.made_for = ${madeFor}`;

/**
 * One statement, so that all it says is of one snapshot. Its rows are one text: joined to the rest, each would repeat it.
 *
 * The beat makes a standby refuse it. It is a new row, and the one before is deleted by its exact key: an update would
 * have to look at each old version of the row that a long snapshot keeps.
 */
const statementOf = (who: string): string => `with beat as (
    insert into instances (id, beat, j_ms, applied, protocol) values ($1, $2, $4, $5::pg_snapshot, $6)
  ), beats_before as (
    delete from instances where id = $1 and beat >= $3 and beat < $2
  ), changes as (
    (select xid, source, key from change_log
      where xid >= pg_snapshot_xmax($5::pg_snapshot) and xid < pg_snapshot_xmax(pg_current_snapshot())
    union all
    select xid, source, key from change_log
      where xid = any(array(select pg_snapshot_xip($5::pg_snapshot))))
    limit $7::int + 1
  )
  select pg_current_snapshot()::text as snapshot,
    case when ${isMadeHere} then ${identity} end as identity,
    s.swept::text as swept,
    ${shape} as shape,
    (select case when count(*) <= $7::int
      then coalesce(json_agg(json_build_array(xid::text, source, key))::text, '[]') end from changes) as rows,
    ${who} as who
  from (select) as always left join log_state s on true`;

export const checkStatement: string = statementOf('null');
/** With who reads the log: for a writer who waits for all of them, in one way there and back. */
export const checkWithListStatement: string = statementOf(`json_build_object(
    'instances', (select coalesce(json_agg(l), '[]') from (${listStatement}) l),
    'j_ms', (select j_ms from log_bounds))::text`);

export type Check = {
  /** Of this start of the process. */
  readonly id: string;
  /** One more each time, whatever became of the check before. */
  readonly beat: number;
  /** The last that was answered; 0 at first. Those in between may be in the list or not, and leave it now. */
  readonly answeredBeat: number;
  readonly jMs: number;
  readonly protocol: number;
  /** The snapshot of the last answer, which has been applied; `undefined`: this is the first, and brings no rows. */
  readonly last: Snapshot | undefined;
  readonly asksWho?: boolean;
  /** Beyond which the rows are not told. */
  readonly maxRows?: number;
};

/** One at a time on a connection. Rejects with the driver's error; what was answered is read as a whole or throws. */
export const check = async (connection: LogConnection, asked: Check): Promise<CheckAnswer> => {
  const { id, beat, answeredBeat, jMs, protocol, last, asksWho, maxRows = maxRowsOfCheck } = asked;
  const applied = last === undefined ? null : formatSnapshot(last);
  const [row] = await connection.rows(asksWho === true ? checkWithListStatement : checkStatement, [
    id,
    beat,
    answeredBeat,
    jMs,
    applied,
    protocol,
    maxRows,
  ]);
  return parseCheck(row);
};

/**
 * What makes a connection fit for checks. No wait of the server may be longer than ours: what is answered after `deadlineMs`
 * comes too late. Without waiting for the disk or a standby, for what a check writes need not survive: with a synchronous
 * standby away, waiting for it would close every gate.
 */
export const checkSettings = (deadlineMs: number, schema?: string): Settings => ({
  ...settingsOf(
    {
      statementTimeoutMs: Math.ceil(deadlineMs * 0.9),
      lockTimeoutMs: Math.ceil(deadlineMs / 2),
      idleInTransactionTimeoutMs: deadlineMs,
    },
    schema,
  ),
  synchronous_commit: 'off',
  jit: 'off',
});

/** The largest that any instance uses or used, in milliseconds. */
export type LogBounds = { readonly jMs: number; readonly retentionMs: number };

/** Long enough to empty the log of a copy. */
const beginTimeoutMs = 60_000;

/**
 * What has to be done once before checks: makes the state of the log if a crash took it, with a new epoch; empties a log
 * that was made elsewhere (a dump brings the rows, and their transaction ids are of the other server); and raises the
 * bounds to one's own. Returns the identity, which each later check has to show again.
 */
export const begin = (
  connection: LogConnection,
  { jMs, retentionMs }: LogBounds,
): Promise<{ readonly identity: string; readonly bounds: LogBounds }> =>
  inTransaction(connection, async () => {
    await connection.rows(
      `select set_config('statement_timeout', $1, true), set_config('synchronous_commit', 'local', true)`,
      [`${beginTimeoutMs}`],
    );
    await connection.rows(
      `insert into log_state (made_for) select ${place} || '.' || 'log_state'::regclass::oid on conflict do nothing`,
    );
    // Under the row's lock: whoever comes second finds it done.
    const [state] = await connection.rows(
      `select (${isMadeHere})::text as is_ours from log_state s for update`,
    );
    if (textIn(state, 'is_ours') !== 'true') await empty(connection);
    const [row] = await connection.rows(
      `insert into log_bounds as b (j_ms, retention_ms) values ($1, $2)
        on conflict (one) do update set j_ms = greatest(b.j_ms, excluded.j_ms),
          retention_ms = greatest(b.retention_ms, excluded.retention_ms)
        returning (select ${identity} from log_state s) as identity, j_ms, retention_ms`,
      [jMs, retentionMs],
    );
    return {
      identity: textIn(row, 'identity'),
      bounds: { jMs: countIn(row, 'j_ms'), retentionMs: countIn(row, 'retention_ms') },
    };
  });

/** The largest bounds that any process noted; 0 if none did, for then nobody reads the log, or serves from a cache. */
export const readBounds = async (connection: LogConnection): Promise<LogBounds> => {
  const [row] = await connection.rows('select j_ms, retention_ms from log_bounds');
  if (row === undefined) return { jMs: 0, retentionMs: 0 };
  return { jMs: countIn(row, 'j_ms'), retentionMs: countIn(row, 'retention_ms') };
};

/** Not the bounds: larger ones than are needed only let somebody wait. */
const empty = async (connection: LogConnection): Promise<void> => {
  for (const table of ['change_log', 'log_notes', 'instances']) {
    await connection.rows(`delete from ${table}`);
  }
  await connection.rows(`update log_state s set made_for = ${madeFor}, epoch = default, swept = default`);
};

/**
 * A new epoch, if the identity is still that one: for whoever finds that the database went back (an older copy of its
 * files was put in place), and for an operator who put it there. Values that were read before are then believed by nobody.
 */
export const renewEpoch = async (connection: LogConnection, seen: string): Promise<void> => {
  await connection.rows(`update log_state s set epoch = default where ${identity} = $1`, [seen]);
};

/** For a database that only this process can open: the rows of earlier starts concern nobody, nor what they had cached. */
export const beginAnew = (connection: LogConnection): Promise<void> =>
  inTransaction(connection, async () => {
    for (const table of ['change_log', 'log_notes', 'instances', 'log_state']) {
      await connection.rows(`delete from ${table}`);
    }
  });

/** For a log that nobody reads. */
export const emptyLog = async (connection: LogConnection): Promise<void> => {
  await connection.rows('delete from change_log');
};
