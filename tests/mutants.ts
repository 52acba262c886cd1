import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A text, with what stands for it in the mutant. */
export type Mutation = readonly [from: string, to: string];

/** The text with one place changed. Throws if the place is not there, or is there twice: the mutant would prove nothing. */
export const mutate = (text: string, [from, to]: Mutation): string => {
  if (text.split(from).length !== 2) throw new Error(`not once in the text: ${from}`);
  return text.replace(from, () => to);
};

/** The module of `file` as it would be with these changes of its source. */
export const importMutant = (file: URL, ...mutations: readonly Mutation[]): Promise<unknown> =>
  importMutants(file, [file, ...mutations]);

/** The module of `file` as it would be with these changes of its source, or of files that it imports itself. */
export const importMutants = async (
  file: URL,
  ...changed: readonly (readonly [file: URL, ...mutations: readonly Mutation[]])[]
): Promise<unknown> => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-mutant-'));
  const mutants = new Map([[file.href, 'mutant.ts']]);
  for (const [index, [{ href }]] of changed.entries())
    if (!mutants.has(href)) mutants.set(href, `mutant-${index}.ts`);
  try {
    for (const [href, name] of mutants) {
      const mutations = changed.flatMap(([of, ...each]) => (of.href === href ? each : []));
      const source = mutations.reduce(mutate, readFileSync(new URL(href), 'utf8'));
      writeFileSync(
        join(folder, name),
        source.replaceAll(/(?<=from ')\.{1,2}\/[^']+/g, (path) => {
          const imported = new URL(path, href).href;
          const mutant = mutants.get(imported);
          return mutant === undefined ? imported : `./${mutant}`;
        }),
      );
    }
    return await import(pathToFileURL(join(folder, 'mutant.ts')).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
};
