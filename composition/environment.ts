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

/** What a Redis on a connection has, and Upstash over REST has not. */
const ofConnections: Readonly<Record<string, string>> = {
  REDIS_WAIT_REPLICAS: '0 with UPSTASH_REDIS_REST_URL: a request cannot wait for replicas',
  REDIS_CA_FILE: 'nothing with UPSTASH_REDIS_REST_URL: requests trust what the runtime trusts',
};

/** Variables that are missing or wrong because of what another variable is. */
export const crossIssues = (environment: Environment): readonly ConfigIssue[] => {
  const issues: ConfigIssue[] = [];
  const need = (name: string, isNeeded: boolean, expected: string): void => {
    if (isNeeded && !isSet(environment, name)) issues.push({ name, expected, isMissing: true });
  };
  const has = (name: string): boolean => isSet(environment, name);
  const isProduction = environment['NODE_ENV'] === 'production';
  const takesUpstash = !has('REDIS_URL') && !has('REDIS_PRIVATE_URL');
  const usesUpstash = takesUpstash && has('UPSTASH_REDIS_REST_URL');
  need('JWT_SECRET', isProduction, `${strong}, with NODE_ENV=production`);
  need('JWT_SECRET', !isProduction && has('JWT_PREVIOUS_SECRETS'), `${strong}, with JWT_PREVIOUS_SECRETS`);
  need('UPSTASH_REDIS_REST_TOKEN', usesUpstash, 'the token of the database, with UPSTASH_REDIS_REST_URL');
  need(
    'UPSTASH_REDIS_REST_URL',
    takesUpstash && has('UPSTASH_REDIS_REST_TOKEN'),
    'the REST URL of the database, with UPSTASH_REDIS_REST_TOKEN',
  );
  for (const [name, expected] of Object.entries(ofConnections))
    if (usesUpstash && has(name) && environment[name] !== '0') issues.push({ name, expected });
  need('BOOTSTRAP_ADMIN_EMAIL', has('BOOTSTRAP_ADMIN_PASSWORD'), 'an email address, with its password');
  need('BOOTSTRAP_ADMIN_PASSWORD', has('BOOTSTRAP_ADMIN_EMAIL'), 'a password, with BOOTSTRAP_ADMIN_EMAIL');
  return issues;
};
