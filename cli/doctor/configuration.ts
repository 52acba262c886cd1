import { isIP } from 'node:net';
import type { Message } from '../../adapters/system/messages.ts';
import type { Config } from '../../composition/config.ts';
import { type ConfigIssue, type Environment, toldOfIssue } from '../../composition/environment.ts';
import { startWarnings } from '../../composition/start-warnings.ts';
import { type Finding, finding, good, ofMessage } from './finding.ts';

/** A finding for each issue of a configuration that was refused. */
export const refusedConfiguration = (issues: readonly ConfigIssue[]): readonly Finding[] =>
  issues.map(toldOfIssue).map((message) => ofMessage('configuration', 'bad', message));

export const acceptedConfiguration = (environment: Environment, config: Config): readonly Finding[] => [
  ...variablesOf(startWarnings(environment, config)),
  secretOf(config),
  ...transportsOf(config),
  ...memoryOf(config),
];

const variablesOf = (warnings: readonly Message[]): readonly Finding[] =>
  warnings.length === 0
    ? [good('configuration', 'every variable is understood')]
    : warnings.map((message) => ofMessage('configuration', 'warning', message));

const secretOf = ({ tokens, dataDirectory }: Config): Finding =>
  tokens.secrets.length > 0
    ? good('signing secret', 'JWT_SECRET is set')
    : finding('signing secret', 'secret-made', { directory: dataDirectory });

const transportsOf = ({ postgres, redis }: Config): readonly Finding[] => {
  const findings: Finding[] = [];
  if (postgres !== undefined && !isLocal(postgres.host)) {
    const check = 'database transport';
    const { host, tls } = postgres;
    findings.push(
      tls.mode === 'verify'
        ? good(check, 'TLS, with the certificate verified')
        : finding(check, tls.mode === 'off' ? 'database-in-clear' : 'database-unverified', { host }),
    );
  }
  if (redis !== undefined && !isLocal(redis.location.host)) {
    const check = 'Redis transport';
    const { host, tls } = redis.location;
    findings.push(tls ? good(check, 'TLS') : finding(check, 'redis-in-clear', { host }));
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
    ? [finding('cache', 'memory-alone', { boundMs: cache.journalBoundMs })]
    : [];
