/**
 * What an answered check of the log means for the process that asked.
 *
 * Between two checks of one identity every change left a row, unless the tables themselves were replaced or their triggers
 * touched (their `shape`). A process whose last snapshot does not belong to what it reads now starts anew: it clears its
 * memory, forgets what it heard, and serves nothing from a cache until two checks in a row were answered.
 */

import type { CheckAnswer, LogPosition, LogRow, StartingPoints } from '../../domain/ports/change-log.ts';
import { hasSeenAllOf, type Xid } from '../../domain/snapshot.ts';
import type { Rows } from './heard.ts';

export type Verdict =
  /** What to apply. `why` is given where it is everything. */
  | { readonly kind: 'go-on'; readonly rows: Rows; readonly why?: WhyEverything }
  | { readonly kind: 'start-anew'; readonly why: WhyAnew };
/** With `tables-changed` the triggers have to be looked at before the gate may open. */
export type WhyEverything = 'too-many-rows' | 'unreadable-row' | 'table-emptied' | 'tables-changed';
/** With `went-back` the database gets a new epoch first: it is an older copy, and its ids are given out again. */
export type WhyAnew = 'other-identity' | 'went-back' | 'slept-too-long';

/** Judges the answer to a check that asked for what became visible after `last`, which has `identity`. */
export const judge = (last: LogPosition, identity: string, answer: CheckAnswer): Verdict => {
  if (answer.identity !== identity) return { kind: 'start-anew', why: 'other-identity' };
  if (!hasSeenAllOf(answer.snapshot, last.snapshot)) return { kind: 'start-anew', why: 'went-back' };
  if (!hasSeenAllOf(last.snapshot, answer.swept)) return { kind: 'start-anew', why: 'slept-too-long' };
  const why = whyEverything(last, answer);
  if (why !== undefined) return { kind: 'go-on', rows: 'everything', why };
  return { kind: 'go-on', rows: answer.rows === 'too-many' ? 'everything' : byKey(answer.rows) };
};

const whyEverything = (
  last: LogPosition,
  { shape, rows, unreadable }: CheckAnswer,
): WhyEverything | undefined => {
  // First, for it asks for more than the others.
  if (shape !== last.shape) return 'tables-changed';
  if (rows === 'too-many') return 'too-many-rows';
  if (unreadable !== undefined) return 'unreadable-row';
  return rows.some(({ key }) => key === null) ? 'table-emptied' : undefined;
};

const byKey = (rows: readonly LogRow[]): ReadonlyMap<string, readonly Xid[]> => {
  const heard = new Map<string, Xid[]>();
  for (const { xid, source, key } of rows) {
    for (const each of keysOf(source, key ?? '')) {
      const xids = heard.get(each);
      if (xids === undefined) heard.set(each, [xid]);
      // A transaction's rows lie together; one that is noted twice does no harm.
      else if (xids.at(-1) !== xid) xids.push(xid);
    }
  }
  return heard;
};

/**
 * The keys under which a change is heard. A key of several parts (`owner:contact`) concerns the record itself and the list
 * of those that share its first part.
 */
export const keysOf = (source: string, key: string): readonly string[] => {
  const end = key.indexOf(':');
  return end === -1 ? [`${source} ${key}`] : [`${source} ${key}`, `${source} ${key.slice(0, end)}`];
};

/**
 * Where a new process begins to read, so that what is in the cache need not be read from the database again: the oldest
 * note after which the log is whole, the tables are what they were, and there is not too much to read. `undefined`: at its
 * first check. Rows of transactions that were in progress at a note are not counted; the reading itself has a limit.
 */
export const chooseFloor = ({
  notes,
  shape,
  swept,
  crowdedFrom = 0,
}: StartingPoints): LogPosition | undefined =>
  notes
    .filter(
      (note) =>
        note.shape === shape && hasSeenAllOf(note.snapshot, swept) && note.snapshot.xmax > crowdedFrom,
    )
    .reduce<LogPosition | undefined>(
      (oldest, note) =>
        oldest === undefined || !hasSeenAllOf(note.snapshot, oldest.snapshot) ? note : oldest,
      undefined,
    );
