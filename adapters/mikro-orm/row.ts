import type { Parsed } from '../../domain/text.ts';

/** The select expression of a time, in milliseconds, so that no session's time zone or date style matters. */
export const milliseconds = (column: string): string =>
  `round(extract(epoch from ${column}) * 1000)::float8 as ${column}_ms`;

/**
 * The fields of one row, each checked as it is taken out. Throws an error that names the column and no value: a row
 * that we could not have written is no data but a fault.
 */
export class Row {
  readonly #table: string;
  readonly #input: object;

  constructor(table: string, input: unknown) {
    this.#table = table;
    if (typeof input !== 'object' || input === null) throw new Error(`a row of ${table} is missing`);
    this.#input = input;
  }

  parsed<T>(name: string, parse: (input: unknown) => Parsed<T>): T {
    const result = parse(this.#value(name));
    return result.ok ? result.value : this.#refuse(name);
  }

  nullable<T>(name: string, take: (name: string) => T): T | null {
    return this.#value(name) === null ? null : take(name);
  }

  // Arrow functions, so that `nullable` can be handed one.
  readonly text = (name: string): string => {
    const value = this.#value(name);
    return typeof value === 'string' ? value : this.#refuse(name);
  };

  texts(name: string): readonly string[] {
    const value = this.#value(name);
    if (!Array.isArray(value)) return this.#refuse(name);
    return value.map((entry: unknown) => (typeof entry === 'string' ? entry : this.#refuse(name)));
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#value(name);
    return values.find((known) => known === value) ?? this.#refuse(name);
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    return typeof value === 'boolean' ? value : this.#refuse(name);
  }

  integer(name: string): number {
    const value = this.#value(name);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#refuse(name);
  }

  #value(name: string): unknown {
    return Reflect.get(this.#input, name);
  }

  #refuse(name: string): never {
    throw new Error(`a row of ${this.#table} has a ${name} that cannot be read`);
  }
}

export const parseCount = (input: unknown): number => new Row('count', input).integer('total');
