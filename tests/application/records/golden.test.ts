import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { recordKinds } from '../../../application/records/kinds.ts';
import type { Cacheable, RecordKind } from '../../../domain/ports/cache.ts';
import { goldenSamples } from './golden-samples.ts';

const folder = new URL('golden/', import.meta.url);
const fileOf = ({ name, codec }: RecordKind<Cacheable>): URL =>
  new URL(`${name}.${codec.schema}.txt`, folder);

/** What is wrong with the written form of a sample, if anything. */
const changeOf = <V extends Cacheable>(kind: RecordKind<V>, key: string, value: V): string | undefined => {
  const file = fileOf(kind);
  if (!existsSync(file)) return `${kind.name} has no golden file for schema ${kind.codec.schema}`;
  return `${kind.codec.encode(value, key)}\n` === readFileSync(file, 'utf8')
    ? undefined
    : `${kind.name} is written otherwise than schema ${kind.codec.schema} says: raise the schema`;
};

// Instances of two versions share one Redis during a roll-out. The number of the schema tells them apart, so whatever is
// written otherwise has to have another number: a golden file is never changed, a new one is added.
describe('the written form of what is cached', () => {
  it.each(goldenSamples().map((sample) => [sample.name, sample] as const))(
    'of %s is the one that its schema had when it was released',
    (_name, sample) => {
      sample.check(({ kind, key, value }) => {
        expect(changeOf(kind, key, value)).toBeUndefined();
        expect(kind.codec.decode(kind.codec.encode(value, key), key)).toEqual(value);
      });
    },
  );

  it('is known of every kind, and every file is of a kind', () => {
    const names = recordKinds().map(({ name }) => name);
    expect(goldenSamples().map(({ name }) => name)).toEqual(names);
    expect([...new Set(readdirSync(folder).map((file) => file.split('.')[0]))].sort()).toEqual(names.sort());
  });

  it('cannot change unseen: a field more, another order or a new schema without a file', () => {
    for (const sample of goldenSamples()) {
      sample.check(({ kind, key, value }) => {
        const { codec } = kind;
        const longer = { ...codec, encode: () => codec.encode(value, key).replace(/.$/, ',"more":1}') };
        expect(changeOf({ ...kind, codec: longer }, key, value)).toMatch('raise the schema');
        const next = { ...codec, schema: codec.schema + 1 };
        expect(changeOf({ ...kind, codec: next }, key, value)).toMatch('no golden file');
      });
    }
  });
});
