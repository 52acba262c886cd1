/** The select expression of a time, in milliseconds, so that no session's time zone or date style matters. */
export const milliseconds = (column: string): string =>
  `round(extract(epoch from ${column}) * 1000)::float8 as ${column}_ms`;

/** The first and the last moment of the years 1 to 9999. */
export const firstMs: number = Date.parse('0001-01-01T00:00:00.000Z');
export const lastMs: number = Date.parse('9999-12-31T23:59:59.999Z');

/** There is no reading a row at all. The message has no value in it. */
export class UnreadableRow extends Error {
  override readonly name = 'UnreadableRow';
  readonly table: string;
  readonly column: string;

  constructor(table: string, column: string) {
    super(`a row of ${table} has a ${column} that cannot be read`);
    this.table = table;
    this.column = column;
  }
}

/**
 * The fields of one row. Reading is laxer than writing: rows are also made by others, and by older versions with other
 * rules, so a stored text is data, whatever our rules for input say of it. Throws `UnreadableRow` where there is no
 * reading it at all.
 */
export class Row {
  readonly #table: string;
  readonly #input: object;

  constructor(table: string, input: unknown) {
    this.#table = table;
    if (typeof input !== 'object' || input === null) throw new Error(`a row of ${table} is missing`);
    this.#input = input;
  }

  nullable<T>(name: string, take: (name: string) => T): T | null {
    return this.#value(name) === null ? null : take(name);
  }

  // Arrow functions, so that `nullable` can be handed one.
  readonly text = <T extends string = string>(name: string): T => {
    const value = this.#value(name);
    return typeof value === 'string' ? (value as T) : this.#refuse(name);
  };

  texts(name: string): readonly string[] {
    const value = this.#value(name);
    if (!Array.isArray(value)) return this.#refuse(name);
    // An array of PostgreSQL may hold NULL.
    return value.filter((entry: unknown) => typeof entry === 'string');
  }

  /** In milliseconds. PostgreSQL has times that no calendar has, `infinity` among them: they become the nearest year. */
  time(name: string): number {
    const value = this.#value(name);
    if (typeof value !== 'number' || Number.isNaN(value)) return this.#refuse(name);
    return Math.min(Math.max(value, firstMs), lastMs);
  }

  /** The same in milliseconds as it is, for a place in an order. */
  exactTime(name: string): number {
    const value = this.#value(name);
    return typeof value === 'number' && !Number.isNaN(value) ? value : this.#refuse(name);
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
    throw new UnreadableRow(this.#table, name);
  }
}

export const parseCount = (input: unknown): number => new Row('count', input).integer('total');
