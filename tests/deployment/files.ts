import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));
export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

export type Service = {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
};

export type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly networks: Readonly<Record<string, unknown>>;
};

/** `compose.yaml` as Compose reads it: `${NAME:?}` must be set, `${NAME:-}` need not be. In values, after parsing. */
export const readCompose = (variables: Readonly<Record<string, string>>): Compose => {
  const interpolate = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.replace(/\$\{(\w+)(:[?-])?\}?/g, (_, name: string, mode: string | undefined) => {
        if (mode === undefined) throw new Error(`${name} is interpolated in another form`);
        const text = variables[name] ?? '';
        if (text === '' && mode === ':?') throw new Error(`${name} is not set`);
        return text;
      });
    }
    if (Array.isArray(value)) return value.map(interpolate);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, interpolate(each)]));
  };
  return Object(interpolate(parse(read('compose.yaml'), { merge: true })));
};

/** The names that a file of variables sets. */
export const namesIn = (path: string): readonly string[] =>
  [...read(path).matchAll(/^(\w+)=/gm)].map(([, name = '']) => name);
