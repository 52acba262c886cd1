import { DataDirectoryInUse } from '../adapters/mikro-orm/data-directory.ts';
import { examineEmbedded, examinePostgres } from '../adapters/mikro-orm/examine.ts';
import { examineDirect } from '../adapters/mikro-orm/examine-direct.ts';
import { type PostgresAddress, placeOf } from '../adapters/mikro-orm/postgres-address.ts';
import {
  type RefusedValue,
  tellRefusedOfEmbedded,
  tellRefusedOfPostgres,
} from '../adapters/mikro-orm/refused-rows.ts';
import { examineRedis, RedisUnusable } from '../adapters/redis/examine.ts';
import { examineRest } from '../adapters/redis/rest/examine.ts';
import { lineOf } from '../adapters/system/messages.ts';
import { type Config, parseConfig } from '../composition/config.ts';
import { toldOfIssue } from '../composition/environment.ts';
import { type Command, type ExitCode, json, parseArguments, type Terminal } from './command.ts';
import { databaseFailure } from './database-failure.ts';
import { clockFinding } from './doctor/clocks.ts';
import { acceptedConfiguration, refusedConfiguration } from './doctor/configuration.ts';
import { databaseFindings, postgresFindings, unreachableDirect } from './doctor/database.ts';
import { type Finding, good, ofMessage } from './doctor/finding.ts';
import { redisFindings, restFindings, unusableRedis, unusableRest } from './doctor/redis.ts';

export const doctor: Command = {
  summary: 'say whether the configuration, the database and Redis are sound',
  help: `usage: kith doctor [--rows] [--json] [--env <file>]

Looks at the configuration in the environment, and at the database and the Redis that it names, as the server would.
Prints a line for each check: good, warning or bad, what was found, what to do, and a code that docs/command-line.md
lists. It changes nothing: a database that
is not there is not made, and of Redis it uses a key of its own that lives a second.

  --rows   instead, a line for each stored value that today's rules would refuse: table, id, column, what is wrong with it;
           never the value. It reads the whole database, page by page. With --json each line is
           { "table", "id", "column", "problem" }
  --json   one line: { "verdict", "findings": [{ "check", "verdict", "found", "advice"?, "code"? }] }

Exit codes: 0 nothing is bad (there may be warnings) or no value is listed, 1 something is bad, 2 not understood.
`,
  run: async (args, terminal) => {
    const given = parseArguments(args, { json: { type: 'boolean' }, rows: { type: 'boolean' } });
    if (given.has('rows')) return listRefused(terminal, given.has('json'));
    const findings = await examine(terminal);
    const verdict = worst(findings);
    terminal.out(given.has('json') ? json({ verdict, findings }) : asText(findings));
    return verdict === 'bad' ? 1 : 0;
  },
};

/** Lines as they are found, so that nothing is held of however many there are. */
const listRefused = async ({ environment, out, err }: Terminal, asJson: boolean): Promise<ExitCode> => {
  const config = parseConfig(environment);
  if (!config.ok) {
    for (const issue of config.error) err(lineOf(toldOfIssue(issue)));
    return 1;
  }
  let count = 0;
  const tell = (refused: RefusedValue): void => {
    count++;
    const { table, id, column, problem } = refused;
    out(asJson ? json({ table, id, column, problem }) : `${table} ${id} ${column} ${problem}\n`);
  };
  const { postgres, dataDirectory } = config.value;
  try {
    await (postgres === undefined
      ? tellRefusedOfEmbedded(dataDirectory, tell)
      : tellRefusedOfPostgres(postgres, tell));
  } catch (error) {
    for (const message of databaseFailure(error, { postgres, postgresDirect: undefined }))
      err(lineOf(message));
    return 1;
  }
  if (count === 0 && !asJson) out('every stored value is one that the rules of today accept\n');
  return count === 0 ? 0 : 1;
};

const examine = async ({ environment }: Terminal): Promise<readonly Finding[]> => {
  const config = parseConfig(environment);
  if (!config.ok) return refusedConfiguration(config.error);
  const [database, redis] = await Promise.all([examineDatabase(config.value), examineCache(config.value)]);
  return [...acceptedConfiguration(environment, config.value), ...database, ...redis];
};

const examineDatabase = async ({
  postgres,
  postgresDirect,
  dataDirectory,
}: Config): Promise<readonly Finding[]> => {
  try {
    return await (postgres === undefined ? ofEmbedded(dataDirectory) : ofPostgres(postgres, postgresDirect));
  } catch (error) {
    // A running server has it open, which is as it should be.
    const verdict = error instanceof DataDirectoryInUse ? 'warning' : 'bad';
    return databaseFailure(error, { postgres, postgresDirect: undefined }).map((message) =>
      ofMessage('database', verdict, message),
    );
  }
};

const ofPostgres = async (
  address: PostgresAddress,
  direct: PostgresAddress | undefined,
): Promise<readonly Finding[]> => {
  const facts = await examinePostgres(address);
  const findings = [
    good('database', `${placeOf(address)} answers`),
    clockFinding('database', facts.clockAheadMs),
  ];
  const { pooling = 'none' } = address;
  if (direct === undefined) return [...findings, ...postgresFindings(facts, pooling)];
  try {
    return [...findings, ...postgresFindings(facts, pooling, await examineDirect(address, direct))];
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    return [
      ...findings,
      ...postgresFindings(facts, pooling),
      unreachableDirect(`${placeOf(direct)}: ${reason}`),
    ];
  }
};

const ofEmbedded = async (directory: string): Promise<readonly Finding[]> => {
  const facts = await examineEmbedded(directory);
  return facts === undefined
    ? [good('database', `embedded, in ${directory}: made at the first start`)]
    : [good('database', `embedded, in ${directory}`), ...databaseFindings(facts)];
};

const examineCache = async ({ redis, cache }: Config): Promise<readonly Finding[]> => {
  if (redis === undefined) return [good('Redis', 'none is configured: memory is the cache')];
  const { location, ...settings } = redis;
  const where = `${location.host}:${location.port} (${location.source})`;
  const isRest = location.source === 'UPSTASH_REDIS_REST_URL';
  try {
    if (isRest) {
      const facts = await examineRest(location, cache.keyPrefix);
      return [good('Redis', `${where} answers`), ...restFindings(facts, settings)];
    }
    const facts = await examineRedis(location, cache.keyPrefix);
    return [
      good('Redis', `${where} answers`),
      ...redisFindings(facts, settings),
      clockFinding('Redis', facts.clockAheadMs),
    ];
  } catch (error) {
    if (error instanceof RedisUnusable)
      return [isRest ? unusableRest(where, error) : unusableRedis(where, error)];
    throw error;
  }
};

const worst = (findings: readonly Finding[]): Finding['verdict'] =>
  (['bad', 'warning'] as const).find((verdict) => findings.some((finding) => finding.verdict === verdict)) ??
  'good';

const asText = (findings: readonly Finding[]): string => {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, verdict, found, advice, code }) => {
    const line = `${verdict.padEnd(7)}  ${check.padEnd(width)}  ${found}\n`;
    return advice === undefined ? line : `${line}${' '.repeat(width + 11)}-> ${advice} [${code}]\n`;
  });
  const count = (verdict: Finding['verdict']): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const warnings = count('warning');
  return `${lines.join('')}\n${count('good')} good, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}, ${count('bad')} bad\n`;
};
