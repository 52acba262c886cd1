/**
 * Records of small numbers that lie in a row of bytes. A state of a model is a row of bytes, so that it can be copied,
 * compared and stored as one, while the models read and write its fields by name.
 */
export type Bytes = Uint8Array<ArrayBuffer>;

export type Fields<Name extends string> = { [name in Name]: number };

export type RecordType<Name extends string> = {
  readonly size: number;
  view(bytes: Bytes, offset: number): Fields<Name>;
  /** Sets every field to 0. */
  clear(record: Fields<Name>): void;
};

/** A record with these fields, one byte each. A field throws if it is given what does not fit. */
export const recordOf = <const Name extends string>(...names: readonly Name[]): RecordType<Name> => {
  class View {
    readonly bytes: Bytes;
    readonly offset: number;
    constructor(bytes: Bytes, offset: number) {
      this.bytes = bytes;
      this.offset = offset;
    }
  }
  for (const [index, name] of names.entries()) {
    Object.defineProperty(View.prototype, name, {
      get(this: View) {
        return this.bytes[this.offset + index] ?? 0;
      },
      set(this: View, value: number) {
        if (value < 0 || value > 255) throw new RangeError(`${name} cannot be ${value}`);
        this.bytes[this.offset + index] = value;
      },
    });
  }
  const hasAll = (view: object): view is Fields<Name> => names.every((name) => name in view);
  return {
    size: names.length,
    view(bytes, offset) {
      const view = new View(bytes, offset);
      if (!hasAll(view)) throw new Error('a field is missing');
      return view;
    },
    clear(record) {
      for (const name of names) record[name] = 0;
    },
  };
};

/** Gives out the places of records in a state, one after the other. */
export class Layout {
  #size = 0;

  /** The bytes of a state so far. */
  get size(): number {
    return this.#size;
  }

  one<Name extends string>(type: RecordType<Name>): (bytes: Bytes) => Fields<Name> {
    const offset = this.#size;
    this.#size += type.size;
    return (bytes) => type.view(bytes, offset);
  }

  many<Name extends string>(
    type: RecordType<Name>,
    count: number,
  ): (bytes: Bytes) => readonly Fields<Name>[] {
    const places = Array.from({ length: count }, () => this.one(type));
    return (bytes) => places.map((place) => place(bytes));
  }
}

/** The item at an index that is known to be there. */
export const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index];
  if (item === undefined) throw new RangeError(`nothing is at ${index}`);
  return item;
};
