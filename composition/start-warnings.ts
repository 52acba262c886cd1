import { type Message, messageOf } from '../adapters/system/messages.ts';
import type { Config } from './config.ts';
import { variableNames } from './config.ts';
import { type Environment, isSet } from './environment.ts';

/** What platforms set beside what we read: Railway, Heroku. It is no mistake of anybody's. */
const ofPlatforms: ReadonlySet<string> = new Set(['REDISHOST', 'REDISPORT', 'REDISPASSWORD']);

/** Shorter names have too many neighbours. */
const shortCharacters = 7;

/**
 * What a start says although it goes on: names that are nearly ours, a Redis that another goes before, an address that
 * nobody reaches, and a production that keeps its data in a directory.
 */
export const startWarnings = (environment: Environment, config: Config): readonly Message[] => [
  ...unreadVariables(environment),
  ...unusedRedis(environment, config),
  ...onlyLocal(environment),
  ...(environment['NODE_ENV'] === 'production' && config.postgres === undefined
    ? [messageOf('embedded-in-production', { directory: config.dataDirectory })]
    : []),
];

/** Of a URL that platforms set beside another nothing is said; this one is set by hand, with its token. */
const unusedRedis = (environment: Environment, { redis }: Config): readonly Message[] => {
  const name = 'UPSTASH_REDIS_REST_URL';
  const used = redis?.location.source;
  return used === undefined || used === name || !isSet(environment, name)
    ? []
    : [messageOf('redis-unused', { name, used })];
};

/** By what a platform is recognised whose router comes from outside of the container. */
const marks = ['RAILWAY_ENVIRONMENT_NAME', 'RENDER', 'FLY_APP_NAME', 'DYNO', 'KUBERNETES_SERVICE_HOST'];

/** Nothing where the process may read single variables and not list them, as with `deno run --allow-env=PORT,...`. */
const namesIn = (environment: Environment): readonly string[] => {
  try {
    return Object.keys(environment);
  } catch {
    return [];
  }
};

const onlyLocal = (environment: Environment): readonly Message[] => {
  const names = namesIn(environment);
  const mark = marks.find((name) => names.includes(name) && isSet(environment, name));
  return mark === undefined || isSet(environment, 'HOST') ? [] : [messageOf('only-local', { mark })];
};

/** Variables that nobody reads and whose names are nearly ours, each with the nearest of ours that is not set. */
export const unreadVariables = (environment: Environment): readonly Message[] =>
  namesIn(environment)
    .filter((name) => !variableNames.includes(name) && !ofPlatforms.has(name))
    .flatMap((name) => {
      const meant = variableNames
        .filter((ours) => environment[ours] === undefined)
        .map((ours) => ({ ours, changes: distance(name, ours) }))
        .filter(({ ours, changes }) => changes <= (ours.length <= shortCharacters ? 1 : 2))
        .sort((a, b) => a.changes - b.changes)[0]?.ours;
      return meant === undefined ? [] : [messageOf('variable-unread', { name, meant })];
    });

/** How many letters are to be inserted, removed, replaced or exchanged with the next (optimal string alignment). */
const distance = (a: string, b: string): number => {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  let [before, last] = [[] as readonly number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
};
