import type { Log } from '../../domain/ports/runtime.ts';
import { field } from './log-answers.ts';
import { UnreadableRow } from './row.ts';

/** Each row is told of once, and not more of them than somebody would look for one by one. */
const maxTold = 1000;

/**
 * Rows that nobody can read, of which there are none unless somebody changed the schema. Among many they are left out, so
 * that one does not take the others with it; they are counted, and logged by their ids. Asked for alone, one is an error.
 */
export class LeftOut {
  readonly #log: Log;
  readonly #told = new Set<string>();
  #count = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** How often one was left out. */
  get count(): number {
    return this.#count;
  }

  readable<T>(rows: readonly unknown[], parse: (row: unknown) => T): readonly T[] {
    return rows.flatMap((row) => {
      try {
        return [parse(row)];
      } catch (error) {
        if (!(error instanceof UnreadableRow)) throw error;
        this.#tell(error, String(field(row, 'id')));
        return [];
      }
    });
  }

  #tell({ table, column }: UnreadableRow, id: string): void {
    this.#count++;
    if (this.#told.has(id) || this.#told.size >= maxTold) return;
    this.#told.add(id);
    this.#log.error('row-left-out', { table, id, column });
  }
}
