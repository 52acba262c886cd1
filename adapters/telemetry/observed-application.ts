import type { Application } from '../../application/application.ts';
import type { LimitedRequest, RequestLimits } from '../../domain/ports/security.ts';
import type { Counts, Tallies } from './counts.ts';
import { errorType, type Tracing } from './tracing.ts';

type Answer = { readonly ok: boolean; readonly error?: unknown; readonly value?: unknown };

/**
 * The use cases, of which log-ins and registrations are counted by their outcome, and all that answer with a result have
 * a span if somebody collects spans. Without one the others are the very functions that were handed in.
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
  if (tracing === undefined) return counted;
  const traced =
    <Args extends readonly unknown[], A extends Answer>(
      name: string,
      run: (...args: Args) => Promise<A>,
    ): ((...args: Args) => Promise<A>) =>
    (...args) =>
      tracing.span(`kith ${name}`, 'internal', {}, () => run(...args), describe);
  return {
    ...counted,
    register: traced('register', counted.register),
    logIn: traced('logIn', counted.logIn),
    authenticate: traced('authenticate', counted.authenticate),
    changeProfile: traced('changeProfile', counted.changeProfile),
    changePassword: traced('changePassword', counted.changePassword),
    signOutEverywhere: traced('signOutEverywhere', counted.signOutEverywhere),
    deactivateSelf: traced('deactivateSelf', counted.deactivateSelf),
    getUser: traced('getUser', counted.getUser),
    getProfile: traced('getProfile', counted.getProfile),
    lookUpUsers: traced('lookUpUsers', counted.lookUpUsers),
    deactivateUser: traced('deactivateUser', counted.deactivateUser),
    reactivateUser: traced('reactivateUser', counted.reactivateUser),
    setRole: traced('setRole', counted.setRole),
    addContact: traced('addContact', counted.addContact),
    getContact: traced('getContact', counted.getContact),
    listContacts: traced('listContacts', counted.listContacts),
    changeContact: traced('changeContact', counted.changeContact),
    removeContact: traced('removeContact', counted.removeContact),
    explainCache: traced('explainCache', counted.explainCache),
    invalidateUser: traced('invalidateUser', counted.invalidateUser),
  };
};

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
      tallies.add(errorType(error));
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
