import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './checks.ts';
import { type Answer, ask, fieldOf } from './client.ts';
import type { Changing, People, Settled } from './people.ts';

/** One request of the load and what was wrong with its answer, if anything was. */
export type Outcome = Answer & {
  /** `floor`: needs neither Redis nor PostgreSQL, so it shows how busy the machine and the process are. */
  readonly kind: 'cached' | 'database' | 'write' | 'floor';
  readonly path: string;
  /** Whether it was about a user whom nobody changes, who is cached all the time. */
  readonly isSettled: boolean;
  readonly wrong: string | undefined;
};

export type Load = {
  readonly outcomes: readonly Outcome[];
  /** Of those that began in this time. */
  between(fromMs: number, toMs: number): readonly Outcome[];
  stop(): Promise<readonly Outcome[]>;
};

/** The bound within which everybody sees a change (F0), and what a request may spend on its way. */
const staleAfterMs = 2000 + 100;

export type LoadOptions = {
  readonly readers?: number;
  readonly writers?: number;
  readonly pauseMs?: number;
  /** Drops what is older than so many outcomes, for long runs. */
  readonly keep?: number;
};

/**
 * Users at work, a few at a time: reads through the cache, the same reads past it, and changes, one writer a user. Every
 * answer is compared: of a settled user byte for byte, of a changing one to what was acknowledged before the read began.
 */
export const startLoad = (url: string, people: People, options: LoadOptions = {}): Load => {
  const {
    readers = 4,
    writers = people.changing.length,
    pauseMs = 8,
    keep = Number.POSITIVE_INFINITY,
  } = options;
  const outcomes: Outcome[] = [];
  let isStopped = false;
  let turn = 0;
  const note = (outcome: Outcome): void => {
    outcomes.push(outcome);
    if (outcomes.length > keep) outcomes.splice(0, outcomes.length - keep);
  };

  const reader = async (): Promise<void> => {
    while (!isStopped) {
      const n = turn++;
      if (n % 11 === 0) note(await readFloor(url));
      const noCache = n % 5 === 0;
      const changing = n % 7 === 0 ? people.changing[n % people.changing.length] : undefined;
      note(
        changing === undefined
          ? await readSettled(url, people.settled[n % people.settled.length], n, noCache)
          : await readChanging(url, changing, noCache),
      );
      await sleep(pauseMs);
    }
  };
  const writer = async (user: Changing): Promise<void> => {
    while (!isStopped) {
      note(await write(url, user));
      await sleep(pauseMs * 4);
    }
  };
  const done = Promise.all([
    ...Array.from({ length: readers }, reader),
    ...people.changing.slice(0, writers).map(writer),
  ]);
  return {
    outcomes,
    between: (fromMs, toMs) =>
      outcomes.filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < toMs),
    stop: async () => {
      isStopped = true;
      await done;
      return outcomes;
    },
  };
};

const readFloor = async (url: string): Promise<Outcome> => {
  const path = '/health/live';
  const answer = await ask(`${url}${path}`);
  return { ...answer, kind: 'floor', path, isSettled: false, wrong: wrongStatus(answer) };
};

const readSettled = async (
  url: string,
  user: Settled | undefined,
  n: number,
  noCache: boolean,
): Promise<Outcome> => {
  const paths = [...(user?.truth.keys() ?? [])];
  // Most of what a service reads is the user of the token.
  const path = (n % 2 === 0 ? paths[0] : paths[n % paths.length]) ?? '/me';
  const answer = await ask(`${url}${path}`, { ...(user && { token: user.token }), noCache });
  const isRight = answer.status !== 200 || answer.text === user?.truth.get(path);
  const wrong = isRight ? wrongStatus(answer) : `another body of ${path.replace(/[0-9a-f-]{36}/, '{id}')}`;
  return { ...answer, kind: noCache ? 'database' : 'cached', path, isSettled: true, wrong };
};

const readChanging = async (url: string, user: Changing, noCache: boolean): Promise<Outcome> => {
  const answer = await ask(`${url}/me`, { token: user.token, noCache });
  const kind = noCache ? 'database' : 'cached';
  const wrong =
    answer.status === 200 ? wrongVersion(answer, user, noCache ? 0 : staleAfterMs) : wrongStatus(answer);
  return { ...answer, kind, path: '/me', isSettled: false, wrong };
};

/** A version that was overtaken longer ago than the bound, a value that was never sent, or somebody else. */
const wrongVersion = ({ text, startedAtMs }: Answer, user: Changing, boundMs: number): string | undefined => {
  const [id, name, version] = [fieldOf(text, 'id'), fieldOf(text, 'name'), Number(fieldOf(text, 'version'))];
  if (id !== user.id) return 'another user';
  if (typeof name !== 'string' || !user.sent.has(name)) return 'a name that nobody sent';
  const floor = user.acknowledged.findLast(({ atMs }) => atMs <= startedAtMs - boundMs);
  if (floor !== undefined && version < floor.version) {
    return `stale: version ${version} ${Math.round(startedAtMs - floor.atMs)} ms after ${floor.version}`;
  }
  return floor?.version === version && floor.name !== name ? 'a name of another version' : undefined;
};

let names = 0;

/** One change of a user by its only writer. */
export const write = async (url: string, user: Changing): Promise<Outcome> => {
  const name = `n${names++}`;
  user.sent.add(name);
  const answer = await ask(`${url}/me`, { method: 'PATCH', token: user.token, body: { name } });
  if (answer.status === 200) {
    const version = Number(fieldOf(answer.text, 'version'));
    user.acknowledged.push({ version, name, atMs: performance.now() });
  }
  return { ...answer, kind: 'write', path: '/me', isSettled: false, wrong: wrongStatus(answer) };
};

/** 200 and 503 with Retry-After can be right; whether a 503 is, depends on the fault. */
const wrongStatus = ({ status, retryAfter, text }: Answer): string | undefined => {
  if (status === 200) return undefined;
  if (status !== 503) return `status ${status} ${fieldOf(text, 'code') ?? ''}`.trimEnd();
  return retryAfter === null ? '503 without Retry-After' : undefined;
};

/** What was acknowledged last and is not in the database. */
export const lostWrites = async (url: string, people: People): Promise<readonly string[]> => {
  const lost: string[] = [];
  for (const user of people.changing) {
    const answer = await ask(`${url}/me`, { token: user.token, noCache: true });
    const wrong = answer.status === 200 ? wrongVersion(answer, user, 0) : `status ${answer.status}`;
    if (wrong !== undefined) lost.push(wrong);
  }
  return lost;
};

export const wrongsOf = (outcomes: readonly Outcome[]): readonly string[] =>
  outcomes.flatMap(({ wrong, kind }) => (wrong === undefined ? [] : [`${kind}: ${wrong}`]));

export const refusedOf = (outcomes: readonly Outcome[]): readonly string[] =>
  outcomes.flatMap(({ kind, path, isSettled, status, text }) =>
    status === 200
      ? []
      : [
          `${kind} ${path.split('/', 2).join('/')} of a ${isSettled ? 'settled' : 'changing'} user: ${status} ${fieldOf(text, 'code') ?? ''}`,
        ],
  );

export const timesOf = (outcomes: readonly Outcome[], kind: Outcome['kind']): readonly number[] =>
  outcomes.filter((outcome) => outcome.kind === kind).map(({ ms }) => ms);

export const slowest = (outcomes: readonly Outcome[], ...kinds: readonly Outcome['kind'][]): number =>
  Math.max(0, ...kinds.flatMap((kind) => timesOf(outcomes, kind)));

export const p99 = (outcomes: readonly Outcome[], kind: Outcome['kind']): number =>
  percentile(timesOf(outcomes, kind), 0.99);
