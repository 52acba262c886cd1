import type { LogInstance } from '../../domain/ports/change-log.ts';
import { parseInstance } from './log-answers.ts';
import type { LogConnection } from './log-connection.ts';

const newest = (of: string): string =>
  `select id, beat, j_ms, applied, protocol from instances ${of} order by id desc, beat desc limit 1`;

/**
 * From one instance to the next through the index, from its end: with a snapshot open for an hour a look at the whole table
 * would pass over each beat of that hour.
 */
export const listStatement: string = `with recursive listed as (
    (${newest('')})
    union all
    select next.* from listed, lateral (${newest('where instances.id < listed.id')}) next
  ) select id::text, beat::text, j_ms, applied::text, protocol from listed`;

/** Who reads the log, each with its newest beat. */
export const listInstances = async (connection: LogConnection): Promise<readonly LogInstance[]> =>
  (await connection.rows(listStatement)).map(parseInstance);

/** A process that ends leaves the list, after its last answer from a cache. */
export const leave = async (connection: LogConnection, id: string): Promise<void> => {
  await connection.rows('delete from instances where id = $1', [id]);
};

/** Drops one that gave no beat for an hour, if it gave none meanwhile. */
export const dropSilent = async (connection: LogConnection, { id, beat }: LogInstance): Promise<void> => {
  await connection.rows(
    'delete from instances where id = $1 and not exists (select from instances where id = $1 and beat > $2)',
    [id, beat],
  );
};
