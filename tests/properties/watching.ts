type Methods<T> = {
  readonly [K in keyof T]?: T[K] extends (...args: infer A) => unknown ? (...args: A) => void : never;
};

/** The same object, whose calls of these methods are told first. */
export const watching = <T extends object>(target: T, told: Methods<T>): T =>
  new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const tell: unknown = Reflect.get(told, name);
      return (...args: unknown[]): unknown => {
        if (typeof tell === 'function') tell(...args);
        return Reflect.apply(value, target, args);
      };
    },
  });
