/**
 * The lists of CONTRIBUTING.md, whole: for each thing that is added again and again there is an example in the source, and
 * the files that mention the example are those that the list leads to.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPage, root } from './pages.ts';

/** The source that a change touches; what tests and pages it needs, tests and pages say themselves. */
const folders = ['adapters/', 'application/', 'cli/', 'composition/', 'domain/', 'scripts/'];

/** For each list, how a file mentions the list's example. */
const examples: Readonly<Record<string, RegExp>> = {
  'A new use case': /\b[gG]etProfile\b/,
  'A new route': /\b(?:lookUpBody|lookUpToWire|WireLookUp)\b/,
  'A new field': /\boccupation\b/,
  'A new table': /[aA]ttemptCounters|[lL]oginAttempts|\blogin[_-]attempts\b|\battempts: /,
  'A new kind': /\bprofiles\b|\breadonly profile: number\b|_PROFILE_TTL\b/,
};

type Sources = ReadonlyMap<string, string>;

const readSources = (): Sources =>
  new Map(
    folders
      .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => folder + name))
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
  );

/** The files of the source that the numbered list under a heading leads to. */
const listed = (page: string, heading: string): readonly string[] => {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  const [own = ''] = section.split(/^#/m);
  const list = own.split('\n').filter((line) => /^\d+\. /.test(line));
  return readPage('CONTRIBUTING.md', list.join('\n'))
    .links.map(({ target }) => target)
    .filter((target) => folders.some((folder) => target.startsWith(folder)));
};

/** What is wrong with a list, as sentences. */
const breachesOf = (page: string, sources: Sources, heading: string, example: RegExp): readonly string[] => {
  const found = listed(page, heading);
  const mentioning = [...sources].filter(([, source]) => example.test(source)).map(([path]) => path);
  return [
    ...mentioning.filter((path) => !found.includes(path)).map((path) => `${heading}: ${path} is not listed`),
    ...found
      .filter((path) => !mentioning.includes(path))
      .map((path) => `${heading}: ${path} is of another thing`),
  ];
};

describe('what a change touches', () => {
  const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const sources = readSources();

  it.each(Object.entries(examples))('is listed whole: %s', (heading, example) => {
    expect(listed(page, heading).length).toBeGreaterThan(3);
    expect(breachesOf(page, sources, heading, example)).toEqual([]);
  });

  it.each(Object.entries(examples))(
    'is not listed whole when a file more is needed: %s',
    (heading, example) => {
      const [path = ''] = listed(page, heading);
      const grown = new Map([...sources, ['adapters/mongo/planted.ts', sources.get(path) ?? ''] as const]);
      expect(breachesOf(page, grown, heading, example)).toEqual([
        `${heading}: adapters/mongo/planted.ts is not listed`,
      ]);
    },
  );

  it.each(Object.entries(examples))(
    'is listed too long when a file is not needed: %s',
    (heading, example) => {
      const [path = ''] = listed(page, heading);
      const shrunk = new Map([...sources, [path, ''] as const]);
      expect(breachesOf(page, shrunk, heading, example)).toEqual([`${heading}: ${path} is of another thing`]);
    },
  );
});
