import type { ServiceIdentifier } from 'inversify';

/** How a service is made: of which others, and what is done with them. */
export type Box<T> = {
  readonly inputs: readonly ServiceIdentifier[];
  readonly make: (...inputs: readonly unknown[]) => T | Promise<T>;
};

/** For each thing that is needed, the name of a service of that very type. */
export type Wires<Needs> = { readonly [Name in keyof Needs]: ServiceIdentifier<Needs[Name]> };

/** A box whose inputs are wired by name. A wire that is missing or of another type does not compile. */
export const box = <T, Needs>(make: (needs: Needs) => T | Promise<T>, wires: Wires<Needs>): Box<T> => {
  const names = Object.keys(wires);
  return {
    inputs: Object.values(wires),
    // The values come in the order of the wires, whose type says that they are what is needed.
    make: (...values) => make(Object.fromEntries(names.map((name, index) => [name, values[index]])) as Needs),
  };
};

/** A box for something that is there already. */
export const constant = <T>(value: T): Box<T> => ({ inputs: [], make: () => value });

/** One box out of many: an object with what each of them makes. */
export const boxOf = <T extends object>(boxes: { readonly [Name in keyof T]: Box<T[Name]> }): Box<T> => {
  const entries = Object.entries<Box<unknown>>(boxes);
  return {
    inputs: entries.flatMap(([, { inputs }]) => inputs),
    make: async (...values) => {
      let at = 0;
      const made: [name: string, service: unknown][] = [];
      for (const [name, { inputs, make }] of entries) {
        made.push([name, await make(...values.slice(at, at + inputs.length))]);
        at += inputs.length;
      }
      return Object.fromEntries(made) as T;
    },
  };
};
