import type { RecordOrigin } from '../../domain/ports/cache.ts';

/** Records that are rows of a table, by its primary key. */
export const rowsOf = (table: string): RecordOrigin => ({
  source: table,
  heardAs: (key) => key,
  recordOf: (heard) => heard,
});
