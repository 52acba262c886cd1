/**
 * How long the log is kept, told by snapshots instead of times of insertion: a transaction may be longer than any
 * retention, and its rows become visible at its end. Somebody notes the snapshot of a moment about once a minute; once a
 * note is old enough, what it has seen is swept. The mark comes first: whoever misses a row then sees that it may be gone.
 * So the server's clock decides how warm a new process starts, and never whether something is believed.
 */
import type { StartingPoints } from '../../domain/ports/change-log.ts';
import { countIn, parseChoice } from './log-answers.ts';
import type { LogConnection } from './log-connection.ts';
import { shape } from './log-shape.ts';

/** More often than this nobody has to ask. */
const noteEveryMs = 60_000;
/** Notes that are older than the retention are there for the sweep. */
const marginMs = 600_000;

/** Notes the present moment if nobody has in the last minute, and drops notes that nobody will use. */
export const note = async (connection: LogConnection, retentionMs: number): Promise<void> => {
  // One from the future is of a clock that was set back since.
  await connection.rows(
    `with dropped as (
      delete from log_notes
      where noted_at not between clock_timestamp() - $1 * interval '1 ms' and clock_timestamp() + interval '1 min'
    )
    insert into log_notes (snapshot, shape) select pg_current_snapshot(), ${shape}
    where not exists (
      select from log_notes where noted_at between clock_timestamp() - $2 * interval '1 ms' and clock_timestamp()
    )`,
    [retentionMs + 2 * marginMs, noteEveryMs - 5000],
  );
};

/** What `chooseFloor` chooses from. Throws where the log was not begun. */
export const startingPoints = async (connection: LogConnection, maxRows: number): Promise<StartingPoints> => {
  const [row] = await connection.rows(
    `select s.swept::text as swept, ${shape} as shape,
      (select json_agg(json_build_array(snapshot::text, shape))::text from log_notes) as notes,
      (select xid::text from change_log order by change_log.xid desc, change_log.id desc offset $1 limit 1) as crowded_from
    from log_state s`,
    [maxRows],
  );
  return parseChoice(row);
};

/** So many rows at a time, so that none of it holds anybody up for long. */
const batchRows = 2000;
const maxBatches = 5000;

/**
 * Deletes what became visible longer ago than `retentionMs` and ten minutes; returns how many rows. Of several who do it
 * at once one finds work: the others see that the mark is there. A sweep that ended half-way is finished by the next.
 */
export const sweep = async (connection: LogConnection, retentionMs: number): Promise<number> => {
  const marked = await connection.rows(
    `update log_state s set swept = n.snapshot
    from (select snapshot from log_notes where noted_at < clock_timestamp() - $1 * interval '1 ms'
      order by noted_at desc limit 1) n
    where pg_snapshot_xmax(n.snapshot) > pg_snapshot_xmax(s.swept)
      or pg_snapshot_xmax(n.snapshot) = pg_snapshot_xmax(s.swept)
        and (select count(*) from pg_snapshot_xip(n.snapshot)) < (select count(*) from pg_snapshot_xip(s.swept))
    returning 1`,
    [retentionMs + marginMs],
  );
  if (marked.length === 0) return 0;
  let [deleted, from] = [0, '1'];
  for (let batch = 0; batch < maxBatches; batch++) {
    // From where the last batch ended: behind it lie only rows that are gone or stay.
    const [row] = await connection.rows(
      `with gone as (
        delete from change_log where ctid = any(array(
          select l.ctid from log_state s, change_log l
          where l.xid >= $1::xid8 and l.xid < pg_snapshot_xmax(s.swept) and pg_visible_in_snapshot(l.xid, s.swept)
          order by l.xid, l.id limit $2
        )) returning xid
      ) select count(*) as total, (select xid::text from gone order by gone.xid desc limit 1) as last from gone`,
      [from, batchRows],
    );
    const total = countIn(row, 'total');
    deleted += total;
    if (total < batchRows) break;
    from = String(Reflect.get(Object(row), 'last'));
  }
  return deleted;
};
