import { Container, type ServiceIdentifier } from 'inversify';
import { Closing } from './closing.ts';

/** A service: its name in the container, which others it is made of, and how. */
export type Box<T> = {
  readonly id: ServiceIdentifier<T>;
  readonly inputs: readonly Box<unknown>[];
  readonly make: (...inputs: readonly unknown[]) => T | Promise<T>;
};

/** A service that a host may bring itself. */
export type Port<T> = Box<T> & { readonly isPort: true };

/** For each thing that is needed, a box that makes one of that very type. */
export type Wires<Needs> = { readonly [Name in keyof Needs]: Box<Needs[Name]> };

/** A box whose inputs are other boxes, by name. A wire that is missing or of another type does not compile. */
export const box = <T, Needs>(wires: Wires<Needs>, make: (needs: Needs) => T | Promise<T>): Box<T> => {
  const names = Object.keys(wires);
  return {
    id: Symbol(),
    inputs: Object.values(wires),
    // Each value was made by the wire at its place, and `Wires<Needs>` says that a wire makes what is needed.
    make: (...values) => make(Object.fromEntries(names.map((name, index) => [name, values[index]])) as Needs),
  };
};

/** A box that is used unless the host brings its own. */
export const port = <T, Needs>(wires: Wires<Needs>, make: (needs: Needs) => T | Promise<T>): Port<T> => ({
  ...box(wires, make),
  isPort: true,
});

/** One box out of many: an object with what each of them makes. */
export const boxOf = <T>(boxes: Wires<T>): Box<T> => box(boxes, (made) => made);

/** A box without a maker: its value is given when the boxes are opened. */
export const given = <T>(): Box<T> =>
  box({}, () => {
    throw new Error('nothing was given');
  });

/** Makes a service by `new`. */
export const construct =
  <T, Needs>(type: new (needs: Needs) => T): ((needs: Needs) => T) =>
  (needs) =>
    new type(needs);

/** The ports among some boxes, each optional: what a host may hand in. */
export type PortsOf<Boxes> = {
  readonly [Name in keyof Boxes as Boxes[Name] extends Port<unknown>
    ? Name
    : never]?: Boxes[Name] extends Port<infer T> ? T : never;
};

/** What stands in the place of a box: it is not made, and not closed either. */
export type Replacement = readonly [box: Box<unknown>, value: unknown];

export const replace = <T>(box: Box<T>, value: NoInfer<T>): Replacement => [box, value];

/** What a host hands in, by the names of the ports. A name that is no port throws a `TypeError`. */
export const replacePorts = <Boxes extends Readonly<Record<string, Box<unknown>>>>(
  boxes: Boxes,
  ports: PortsOf<Boxes>,
): readonly Replacement[] =>
  Object.entries<unknown>(ports).map(([name, value]) => {
    const port = Object.hasOwn(boxes, name) ? boxes[name] : undefined;
    if (port === undefined || !('isPort' in port)) throw new TypeError(`there is no port ${name}`);
    return [port, value];
  });

/** Boxes that can be opened. Disposing closes what was opened, each thing before those it was made of. */
export type Opened = AsyncDisposable & {
  /** What a box makes; each box is opened once, however often it is asked for. */
  get<T>(box: Box<T>): Promise<T>;
};

/**
 * A container that holds what is asked for, and what that is made of. It closes by itself, because Inversify's own
 * deactivation goes in the order of binding. When it is disposed of while something is still opening, as after a start
 * that failed, it waits for that and closes it too.
 */
export const openBoxes = (replacements: readonly Replacement[]): Opened => {
  const container = new Container({ jitless: true });
  const replaced = new Map(replacements.filter(([, value]) => value !== undefined));
  const closing = new Closing();
  const opening = new Set<Promise<unknown>>();
  let isClosed = false;

  const open =
    ({ make }: Box<unknown>) =>
    async (...inputs: readonly unknown[]): Promise<unknown> => {
      if (isClosed) throw new Error('it was closed while it was opening');
      const made = Promise.resolve(make(...inputs));
      opening.add(made);
      try {
        const service = await made;
        if (isAsyncDisposable(service)) closing.use(service);
        return service;
      } finally {
        opening.delete(made);
      }
    };

  const bind = (box: Box<unknown>): void => {
    if (container.isBound(box.id)) return;
    if (replaced.has(box)) {
      container.bind(box.id).toConstantValue(replaced.get(box));
      return;
    }
    box.inputs.forEach(bind);
    container
      .bind(box.id)
      .toResolvedValue(
        open(box),
        box.inputs.map(({ id }) => id),
      )
      .inSingletonScope();
  };

  return {
    get: (box) => {
      bind(box);
      return container.getAsync(box.id);
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.allSettled(opening);
      await closing[Symbol.asyncDispose]();
    },
  };
};

const isAsyncDisposable = (service: unknown): service is AsyncDisposable =>
  typeof service === 'object' && service !== null && Symbol.asyncDispose in service;
