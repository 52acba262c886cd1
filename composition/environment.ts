import { type Message, messageOf } from '../adapters/system/messages.ts';

/** A variable that is not as expected. It never repeats the value. */
export type ConfigIssue = { readonly name: string; readonly expected: string; readonly isMissing?: true };

/** A variable set to nothing is not set. */
export type Environment = { readonly [name: string]: string | undefined };

export const isSet = (environment: Environment, name: string): boolean =>
  environment[name] !== undefined && environment[name] !== '';

/** What people are told of it. */
export const toldOfIssue = ({ name, expected, isMissing }: ConfigIssue): Message =>
  messageOf(isMissing ? 'variable-missing' : 'variable-refused', { name, expected });

/** What a signing secret has to be, in words. */
export const strong: string = 'at least 32 random bytes, as `openssl rand -base64 32` makes them';

// REST has no pushes, so there would be no bus, and what a process holds in memory could not be kept fresh. Upstash gives
// every database a rediss:// URL too.
const noRest =
  'nothing: the REST protocol is not supported; set REDIS_URL to the rediss:// URL of the same database';

/** Variables that are missing or wrong because of what another variable is. */
export const crossIssues = (environment: Environment): readonly ConfigIssue[] => {
  const issues: ConfigIssue[] = [];
  const need = (name: string, isNeeded: boolean, expected: string): void => {
    if (isNeeded && !isSet(environment, name)) issues.push({ name, expected, isMissing: true });
  };
  const has = (name: string): boolean => isSet(environment, name);
  const isProduction = environment['NODE_ENV'] === 'production';
  const usesUpstash = has('UPSTASH_REDIS_REST_URL') && !has('REDIS_URL') && !has('REDIS_PRIVATE_URL');
  need('JWT_SECRET', isProduction, `${strong}, with NODE_ENV=production`);
  need('JWT_SECRET', !isProduction && has('JWT_PREVIOUS_SECRETS'), `${strong}, with JWT_PREVIOUS_SECRETS`);
  if (usesUpstash) issues.push({ name: 'UPSTASH_REDIS_REST_URL', expected: noRest });
  need('BOOTSTRAP_ADMIN_EMAIL', has('BOOTSTRAP_ADMIN_PASSWORD'), 'an email address, with its password');
  need('BOOTSTRAP_ADMIN_PASSWORD', has('BOOTSTRAP_ADMIN_EMAIL'), 'a password, with BOOTSTRAP_ADMIN_EMAIL');
  return issues;
};
