import { isIP } from 'node:net';
import type { Message } from '../../adapters/system/messages.ts';
import type { Config } from '../../composition/config.ts';
import { type ConfigIssue, type Environment, toldOfIssue } from '../../composition/environment.ts';
import { startWarnings } from '../../composition/start-warnings.ts';
import { bad, type Finding, good, warning } from './finding.ts';

/** A finding for each issue of a configuration that was refused. */
export const refusedConfiguration = (issues: readonly ConfigIssue[]): readonly Finding[] =>
  issues.map(toldOfIssue).map(({ what, todo }) => bad('configuration', what, todo));

export const acceptedConfiguration = (environment: Environment, config: Config): readonly Finding[] => [
  ...variablesOf(startWarnings(environment, config)),
  secretOf(config),
  ...transportsOf(config),
  ...memoryOf(config),
];

const variablesOf = (warnings: readonly Message[]): readonly Finding[] =>
  warnings.length === 0
    ? [good('configuration', 'every variable is understood')]
    : warnings.map(({ what, todo }) => warning('configuration', what, todo));

const secretOf = ({ tokens, dataDirectory }: Config): Finding =>
  tokens.secrets.length > 0
    ? good('signing secret', 'JWT_SECRET is set')
    : warning(
        'signing secret',
        `JWT_SECRET is not set: one is made and kept in ${dataDirectory}`,
        'in production set JWT_SECRET to what `openssl rand -base64 48` prints, the same for all instances',
      );

const transportsOf = ({ postgres, redis }: Config): readonly Finding[] => {
  const findings: Finding[] = [];
  if (postgres !== undefined && !isLocal(postgres.host)) {
    if (postgres.tls.mode === 'verify')
      findings.push(good('database transport', 'TLS, with the certificate verified'));
    else {
      const found = postgres.tls.mode === 'off' ? 'no TLS' : 'TLS, but any certificate will do';
      findings.push(
        warning(
          'database transport',
          `${found} to ${postgres.host}`,
          'add sslmode=verify-full to DATABASE_URL, unless the network is yours alone',
        ),
      );
    }
  }
  if (redis !== undefined && !isLocal(redis.location.host)) {
    findings.push(
      redis.location.tls
        ? good('Redis transport', 'TLS')
        : warning(
            'Redis transport',
            `no TLS to ${redis.location.host}`,
            'use a rediss:// URL, unless the network is yours alone',
          ),
    );
  }
  return findings;
};

/** A host that is a path is the folder of a Unix socket. */
const isLocal = (host: string): boolean =>
  host === 'localhost' ||
  host.startsWith('/') ||
  host === '::1' ||
  (isIP(host) === 4 && host.startsWith('127.'));

const memoryOf = ({ redis, instances, cache }: Config): readonly Finding[] =>
  redis === undefined && instances === 'many'
    ? [
        warning(
          'cache',
          `no Redis: memory alone, which sees the changes of others within ${cache.journalBoundMs} ms`,
          'set REDIS_URL; or INSTANCES=one, if nobody else changes this database',
        ),
      ]
    : [];
