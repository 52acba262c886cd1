import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ask, fieldOf } from './client.ts';
import { register } from './people.ts';
import type { ServerProcess } from './server.ts';

/** J, the promise: no read that starts later than this after a commit is answered with an older version. */
export const boundMs = 2000;

export type Person = { readonly id: string; readonly token: string; readonly username: string };

export const registerMany = async (server: ServerProcess, count: number): Promise<readonly Person[]> => {
  const people: Person[] = [];
  for (let n = 0; n < count; n++) people.push(await register(server.url));
  return people;
};

export const readMe = (server: ServerProcess, { token }: Pick<Person, 'token'>): Promise<Answer> =>
  ask(`${server.url}/me`, { token });

/** Until each is served from a cache, or not: then the row shows nothing. */
export const warmUp = async (server: ServerProcess, people: readonly Person[]): Promise<boolean> => {
  for (let attempt = 0; attempt < 40; attempt++) {
    const answers = await Promise.all(people.map((person) => readMe(server, person)));
    if (answers.every(({ cacheStatus }) => cacheStatus.includes('hit'))) return true;
    await sleep(50);
  }
  return false;
};

export type Watched = { readonly name: unknown; readonly status: number; readonly answer: Answer };

export type Watching = { stop(): Promise<readonly Watched[]> };

/** Reads people again and again until it is stopped. */
export const watch = (server: ServerProcess, people: readonly Person[], pauseMs = 10): Watching => {
  const seen: Watched[] = [];
  let isStopped = false;
  const done = Promise.all(
    people.map(async (person) => {
      while (!isStopped) {
        const answer = await readMe(server, person);
        seen.push({ name: fieldOf(answer.text, 'name'), status: answer.status, answer });
        await sleep(pauseMs);
      }
    }),
  );
  return {
    async stop() {
      isStopped = true;
      await done;
      return seen;
    },
  };
};

/** The answers with something other than `name` that were asked for later than J after the commit was visible. */
export const olderThanBound = (
  seen: readonly Watched[],
  name: string,
  visibleAtMs: number,
): readonly string[] =>
  seen
    .filter((each) => each.status === 200 && each.name !== name)
    .filter(({ answer }) => answer.startedAtMs > visibleAtMs + boundMs)
    .map(({ answer }) => `asked ${Math.round(answer.startedAtMs - visibleAtMs)} ms after the commit`);

/** For how long an older version was served, from the commit to the sending of the last request that got it. */
export const servedForMs = (seen: readonly Watched[], name: string, visibleAtMs: number): number =>
  Math.max(
    0,
    ...seen
      .filter((each) => each.status === 200 && each.name !== name)
      .map(({ answer }) => answer.startedAtMs - visibleAtMs),
  );

/** Those who are let in with an old token, asked for as soon as its end was acknowledged and for a while after. */
export const letIn = async (
  server: ServerProcess,
  people: readonly Person[],
  forMs = 1500,
): Promise<readonly string[]> => {
  const accepted: string[] = [];
  const acknowledgedAtMs = performance.now();
  do {
    const answers = await Promise.all(people.map((person) => readMe(server, person)));
    for (const { status, startedAtMs, cacheStatus } of answers) {
      if (status === 200)
        accepted.push(`${Math.round(startedAtMs - acknowledgedAtMs)} ms after it, ${cacheStatus}`);
    }
    await sleep(20);
  } while (performance.now() - acknowledgedAtMs < forMs);
  return accepted;
};

/** Signs all of them out at once; how long the slowest acknowledgement took. */
export const signOut = async (server: ServerProcess, people: readonly Person[]): Promise<number> => {
  const answers = await Promise.all(
    people.map(({ token }) => ask(`${server.url}/me/sign-out-everywhere`, { method: 'POST', token })),
  );
  const refused = answers.filter(({ status }) => status !== 204);
  if (refused.length > 0) throw new Error(`signing out: ${refused.map(({ status }) => status).join()}`);
  return Math.max(...answers.map(({ ms }) => ms));
};
