/**
 * Secrets that can be told apart from everything else, and eyes on the places where none may be. Every password of the
 * tests has "horse battery" in it, every other secret "CANARY-"; tokens and hashes have forms of their own. What the tests
 * let out (logs, answers, commands to Redis and what is in it, output of processes, metrics) passes through `watch`, and
 * once everything has run canary-check.ts says whether a canary was seen, and whether the eyes were open.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const canary = /horse.battery|CANARY-|\$argon2(?:id|i|d)\$|\$quick\$|eyJ[\w-]{8,}\.eyJ/i;

/** The longest part of a canary that a chunk can end with. */
const overlap = 64;
const around = 60;

export const places = [
  'log',
  'answers',
  'metrics',
  'output of processes',
  'commands to Redis',
  'contents of Redis',
] as const;
export type Place = (typeof places)[number];

/** Where a run collects what was seen: a directory, or nothing where nobody asked. */
const directoryOfRun = (): string | undefined => process.env['KITH_CANARIES'];

/** Whether somebody asked. */
export const isWatched = (): boolean => directoryOfRun() !== undefined;

/** An eye on a place, for the chunks of one text in their order. */
export const watch = (
  place: Place,
  directory: string | undefined = directoryOfRun(),
): ((chunk: string) => void) => {
  if (directory === undefined) return () => {};
  let tail = '';
  let isOpen = false;
  return (chunk) => {
    if (chunk === '') return;
    if (!isOpen) appendFileSync(join(directory, 'watched'), `${place}\n`);
    isOpen = true;
    const text = tail + chunk;
    const at = text.search(canary);
    if (at !== -1) {
      const excerpt = text.slice(Math.max(0, at - around), at + around);
      appendFileSync(join(directory, 'found'), `${place}: ${JSON.stringify(excerpt)}\n`);
    }
    tail = at === -1 ? text.slice(-overlap) : '';
  };
};

/** A whole text at once. */
export const watchOnce = (place: Place, text: string): void => watch(place)(text);

/** What is wrong after a run: canaries that were seen, and after a whole one also places that nobody looked at. */
export const verdict = (directory: string, isWhole: boolean): readonly string[] => {
  const linesOf = (name: string): readonly string[] => {
    const path = join(directory, name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  };
  const watched = new Set(linesOf('watched'));
  return [
    ...linesOf('found').map((line) => `a canary in the ${line}`),
    ...places.filter((place) => isWhole && !watched.has(place)).map((place) => `nobody watched the ${place}`),
  ];
};
