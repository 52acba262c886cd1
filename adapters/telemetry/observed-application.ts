import type { Application } from '../../application/application.ts';
import { nameOfThrown } from '../../domain/faults.ts';
import type { LimitedRequest, RequestLimits } from '../../domain/ports/security.ts';
import type { Counts, Tallies } from './counts.ts';
import type { Tracing } from './tracing.ts';

type Answer = { readonly ok: boolean; readonly error?: unknown; readonly value?: unknown };

/** The use cases of `A` that answer with a result. A span can say which result it was, so each of them is traced. */
export type Traced<A> = {
  [Name in keyof A]: A[Name] extends (...args: never) => Promise<Answer> ? Name : never;
}[keyof A];

/** For each other use case of `A`, why it is not traced. */
export type Untraced<A> = { readonly [Name in Exclude<keyof A, Traced<A>>]: string };

export const untraced: Untraced<Application> = {
  getCacheStatus: 'scrapes and probes ask it all day: its spans would bury those of the users',
  getStatistics: 'it reads numbers of this process and waits for nothing',
  checkReadiness: 'a probe asks it every few seconds',
};

type UseCase = (...args: readonly never[]) => Promise<Answer>;

/**
 * The use cases. Log-ins and registrations are counted by their outcome. If somebody collects spans, each that answers
 * with a result has one; if nobody does, all but those two are the same functions as before.
 */
export const observeApplication = (
  application: Application,
  counts: Counts,
  tracing: Tracing | undefined,
): Application => {
  const counted: Application = {
    ...application,
    logIn: counting(counts.logIns, application.logIn),
    register: counting(counts.registrations, application.register),
  };
  return tracing === undefined ? counted : traceAll(counted, tracing);
};

const traceAll = (application: Application, tracing: Tracing): Application => {
  const traced = Object.keys(application)
    .filter(isTraced)
    .map((name): [string, UseCase] => {
      const run: UseCase = application[name];
      return [name, (...args) => tracing.span(`kith ${name}`, 'internal', {}, () => run(...args), describe)];
    });
  // Each takes the place of the function that it calls, with the same arguments and the same answer.
  return Object.assign({ ...application }, Object.fromEntries(traced));
};

const isTraced = (name: string): name is Traced<Application> => !Object.hasOwn(untraced, name);

/** Limits that tell how often they let somebody through and how often not. */
export const observeLimits = (limits: RequestLimits, counts: Counts): RequestLimits => ({
  async take(request: LimitedRequest, origin: string) {
    const waitMs = await limits.take(request, origin);
    counts.limits.add(`${request} ${waitMs === undefined ? 'passed' : 'refused'}`);
    return waitMs;
  },
});

const counting =
  <Args extends readonly unknown[], A extends Answer>(
    tallies: Tallies<string>,
    run: (...args: Args) => Promise<A>,
  ): ((...args: Args) => Promise<A>) =>
  async (...args) => {
    try {
      const answer = await run(...args);
      tallies.add(outcomeOf(answer));
      return answer;
    } catch (error) {
      tallies.add(nameOfThrown(error));
      throw error;
    }
  };

/** `ok`, or the code of the failure. */
const outcomeOf = ({ ok, error }: Answer): string => {
  if (ok) return 'ok';
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'failed';
};

/** What came of it, and for what was read, from where. */
const describe = (answer: Answer): Record<string, string> => {
  const { value } = answer;
  const source = typeof value === 'object' && value !== null && 'source' in value ? value.source : undefined;
  return {
    'kith.outcome': outcomeOf(answer),
    ...(typeof source === 'string' ? { 'kith.cache.source': source } : {}),
  };
};
