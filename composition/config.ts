import { z } from 'zod';
import { connectionLimits, keepAliveRangeMs } from '../adapters/http/connection-limits.ts';
import type { PostgresAddress } from '../adapters/mikro-orm/postgres-address.ts';
import { isSchema, schemaExpected } from '../adapters/mikro-orm/postgres-parameters.ts';
import { parseDatabaseUrl } from '../adapters/mikro-orm/postgres-url.ts';
import { ceilingParameters, floorParameters } from '../adapters/oslo/phc.ts';
import { ZxcvbnStrength } from '../adapters/password-strength/zxcvbn-strength.ts';
import { parseCaFile } from '../adapters/redis/ca-file.ts';
import { defaultRedisPort, parseRedisUrl } from '../adapters/redis/redis-url.ts';
import { isRestToken, parseRestUrl } from '../adapters/redis/rest/rest-url.ts';
import { type LogLevel, logLevels } from '../adapters/system/log.ts';
import { StartRefused } from '../adapters/system/messages.ts';
import * as limits from '../application/caching/limits.ts';
import { defaultTtlsMs, type TtlsMs } from '../application/records/ttls.ts';
import { type Email, parseEmail } from '../domain/identifiers.ts';
import { parseNewPassword, passwordLimits } from '../domain/password.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { Secret } from '../domain/secret.ts';
import {
  type ConfigIssue,
  crossIssues,
  type Environment,
  isSet,
  strong,
  toldOfIssue,
} from './environment.ts';
import { locateRedis, type RedisLocation } from './redis-variables.ts';
import { isStrongSecret } from './signing-secret.ts';
import * as form from './variables.ts';

/** Everything that can be configured, complete and checked. Secrets in it do not print. */
export type Config = {
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly trustedProxies: readonly string[];
    readonly corsOrigins: readonly string[];
    readonly basePath: string;
    readonly keepAliveTimeoutMs: number;
    /** 0: no limit. */
    readonly logInsPerMinute: number;
    readonly registrationsPerMinute: number;
  };
  /** The listener for operators, if there is one. */
  readonly ops: { readonly host: string; readonly port: number } | undefined;
  /** The embedded database, its lock, and the development secret. */
  readonly dataDirectory: string;
  /** PostgreSQL; the embedded database if there is none. */
  readonly postgres: PostgresAddress | undefined;
  /** The same database without a pooler in between, if there is one. */
  readonly postgresDirect: PostgresAddress | undefined;
  /** Whether other processes change the same database, so that memory alone must not be trusted. */
  readonly instances: 'one' | 'many';
  readonly tokens: {
    /** The first signs, all verify. Empty: a development secret is made and kept. */
    readonly secrets: readonly Secret<'signing-secret'>[];
    readonly ttlSeconds: number;
  };
  readonly passwordMinCodePoints: number;
  /** What a new password hash costs; passwords with a cheaper one are hashed again at the next log-in. */
  readonly hashing: { readonly memoryKiB: number; readonly passes: number };
  readonly cache: {
    readonly keyPrefix: string;
    readonly maxStalenessMs: number;
    readonly journalBoundMs: number;
    /** For how long cached reads go on while the database does not answer at all; 0: they do not. */
    readonly serveWithoutDatabaseMs: number;
    /** The part of the answers from a cache that is held against the database; 0: none is. */
    readonly auditShare: number;
    readonly memoryMaxEntries: number;
    readonly memoryMaxBytes: number;
    readonly ttlsMs: TtlsMs;
  };
  readonly redis:
    | {
        readonly location: RedisLocation;
        readonly poolSize: number;
        readonly poolTimeoutMs: number;
        readonly commandTimeoutMs: number;
        readonly waitReplicas: number;
      }
    | undefined;
  readonly bootstrapAdmin: { readonly email: Email; readonly password: Secret<'password'> } | undefined;
  readonly logLevel: LogLevel;
};

const day = 86_400;
const { maxStalenessRangeMs, journalBoundRangeMs } = limits;
const mebibyte = 1024 * 1024;
const ttl = (defaultMs: number): z.ZodType<number, string | undefined> =>
  form.secondsAsMs(1, limits.maxTtlMs / 1000).default(defaultMs);

const variables = z.object({
  HOST: form.text('an address or a host name', form.isHost).default('127.0.0.1'),
  PORT: form.port.default(3000),
  OPS_HOST: form.text('an address or a host name', form.isHost).default('127.0.0.1'),
  OPS_PORT: z.union([z.literal('off'), form.port], 'a port up to 65535, or off').default(3001),
  TRUST_PROXY: form
    .list('addresses or CIDR ranges with commas between them', form.isAddressRange)
    .default([]),
  CORS_ORIGINS: form
    .list('origins like https://app.example.com, in full, with commas between them', form.isOrigin)
    .default([]),
  BASE_PATH: form.text('a path like /kith, without a slash at its end', form.isBasePath).default(''),
  KEEP_ALIVE_TIMEOUT_MS: form
    .whole(keepAliveRangeMs.min, keepAliveRangeMs.max, 'milliseconds')
    .default(connectionLimits.keepAliveTimeoutMs),
  LIMIT_LOGIN_PER_MINUTE: form.whole(0, 1_000_000, 'log-ins').default(30),
  LIMIT_REGISTER_PER_MINUTE: form.whole(0, 1_000_000, 'registrations').default(10),
  DATA_DIR: form.text('the path of a directory', (path) => !path.includes('\0')).default('./data'),
  DATABASE_URL: form.parsed(parseDatabaseUrl).optional(),
  DATABASE_DIRECT_URL: form.parsed(parseDatabaseUrl).optional(),
  DATABASE_POOLER: z.enum(['none', 'transaction'], 'none or transaction').optional(),
  DATABASE_SCHEMA: form.text(schemaExpected, isSchema).optional(),
  DATABASE_CONNECT_TIMEOUT_MS: form.whole(100, 60_000, 'milliseconds').optional(),
  INSTANCES: z.enum(['one', 'many'], 'one or many').optional(),
  JWT_SECRET: form.secret<'signing-secret'>(strong, isStrongSecret).optional(),
  JWT_PREVIOUS_SECRETS: form.secrets<'signing-secret'>(`each ${strong}`, isStrongSecret).default([]),
  JWT_TTL: form.whole(1, day, 'seconds').default(900),
  PASSWORD_MIN_LENGTH: form
    .whole(passwordLimits.floorMinCodePoints, passwordLimits.maxCodePoints, 'characters')
    .default(passwordLimits.defaultMinCodePoints),
  ARGON2_MEMORY_KIB: form
    .whole(floorParameters.memoryKiB, ceilingParameters.memoryKiB, 'KiB')
    .default(floorParameters.memoryKiB),
  ARGON2_PASSES: form
    .whole(floorParameters.passes, ceilingParameters.passes, 'passes')
    .default(floorParameters.passes),
  MAX_STALENESS_MS: form
    .whole(maxStalenessRangeMs.min, maxStalenessRangeMs.max, 'milliseconds')
    .default(limits.defaultMaxStalenessMs),
  JOURNAL_BOUND_MS: form
    .whole(journalBoundRangeMs.min, journalBoundRangeMs.max, 'milliseconds')
    .default(limits.defaultJournalBoundMs),
  WHEN_DATABASE_UNREACHABLE: z.enum(['serve', 'refuse'], 'serve or refuse').default('serve'),
  SERVE_WITHOUT_DATABASE_MS: form
    .whole(0, limits.maxServeWithoutDatabaseMs, 'milliseconds')
    .default(limits.defaultServeWithoutDatabaseMs),
  CONSISTENCY_AUDIT: form.share.default(0.001),
  MEMORY_MAX_ENTRIES: form.whole(1, 10_000_000, 'entries').default(limits.defaultMaxMemoryEntries),
  MEMORY_MAX_MIB: form.whole(1, 100_000, 'MiB').default(limits.defaultMaxMemoryBytes / mebibyte),
  CACHE_KEY_PREFIX: form
    .text('up to 64 printable ASCII characters, no spaces', (prefix) => /^[\x21-\x7e]{1,64}$/.test(prefix))
    .default('kith:'),
  USER_CACHE_TTL: ttl(defaultTtlsMs.user),
  USER_PROFILE_TTL: ttl(defaultTtlsMs.profile),
  CONTACT_CACHE_TTL: ttl(defaultTtlsMs.contact),
  CONTACT_LIST_CACHE_TTL: ttl(defaultTtlsMs.contactList),
  REDIS_URL: form.parsed(parseRedisUrl).optional(),
  REDIS_PRIVATE_URL: form.parsed(parseRedisUrl).optional(),
  UPSTASH_REDIS_REST_URL: form.parsed(parseRestUrl).optional(),
  UPSTASH_REDIS_REST_TOKEN: form
    .secret<'upstash-token'>('the token that Upstash shows beside the REST URL', isRestToken)
    .optional(),
  REDIS_HOST: form.text('an address or a host name', form.isHost).optional(),
  REDIS_PORT: form.whole(1, 65_535, 'a port').default(defaultRedisPort),
  REDIS_PASSWORD: form.secret<'redis-password'>('a password').optional(),
  REDIS_CA_FILE: form.parsed(parseCaFile).optional(),
  REDIS_POOL_SIZE: form.whole(1, 100, 'connections').default(1),
  REDIS_POOL_TIMEOUT: form.secondsAsMs(0.001, 60).default(5000),
  REDIS_COMMAND_TIMEOUT_MS: form.whole(1, limits.maxCommandTimeoutMs, 'milliseconds').optional(),
  REDIS_WAIT_REPLICAS: form.whole(0, 10, 'replicas').default(0),
  BOOTSTRAP_ADMIN_EMAIL: form.parsed(parseEmail).optional(),
  BOOTSTRAP_ADMIN_PASSWORD: form.secret<'password'>('a password').optional(),
  LOG_LEVEL: z.enum(logLevels, `one of ${logLevels.join(', ')}`).default('info'),
});

type Variables = z.output<typeof variables>;

/** Every variable that is read: those of the table above, and those of environment.ts. */
export const variableNames: readonly string[] = [...Object.keys(variables.shape), 'NODE_ENV'];

/**
 * Every variable as the documentation needs it: what the parser says that it expects, and the value that it gives to a
 * variable that is not set (`undefined` where there is none).
 */
export const describeVariables = (): readonly VariableDescription[] =>
  Object.entries(variables.shape).map(([name, schema]) => ({
    name,
    expected: schema.safeParse('\0').error?.issues[0]?.message,
    unset: schema.safeParse(undefined).data,
  }));
export type VariableDescription = {
  readonly name: string;
  /** `undefined` for what may be any text. */
  readonly expected: string | undefined;
  readonly unset: unknown;
};

/** Docker and Kubernetes set `REDIS_PORT=tcp://...` for a service called `redis`; that is not meant for us. */
const isLink = (environment: Environment, name: string): boolean =>
  name === 'REDIS_PORT' && environment[name]?.startsWith('tcp://') === true;

/** A full configuration, or every issue there is, at once. */
export const parseConfig = (environment: Environment): Result<Config, readonly ConfigIssue[]> => {
  const names = Object.keys(variables.shape).filter(
    (name) => isSet(environment, name) && !isLink(environment, name),
  );
  const parsed = variables.safeParse(Object.fromEntries(names.map((name) => [name, environment[name]])));
  const issues = (parsed.error?.issues ?? []).map(({ path, message }) => ({
    name: String(path[0]),
    expected: message,
  }));
  issues.push(...crossIssues(environment));
  if (!parsed.success || issues.length > 0) return fail(issues);
  const config = toConfig(parsed.data);
  const weak = [...passwordIssues(config), ...schemaIssues(parsed.data)];
  return weak.length > 0 ? fail(weak) : ok(config);
};

/** `parseConfig` for hosts that cannot go on without one: throws a `StartRefused` that lists every issue. */
export const configFrom = (environment: Environment): Config => {
  const config = parseConfig(environment);
  if (config.ok) return config.value;
  throw new StartRefused(...config.error.map(toldOfIssue));
};

/** The configuration of an empty environment. */
export const defaultConfig = (): Config => toConfig(variables.parse({}));

/** The password of the first administrator has to keep the rules for all passwords. */
const passwordIssues = ({ bootstrapAdmin, passwordMinCodePoints }: Config): readonly ConfigIssue[] => {
  if (bootstrapAdmin === undefined) return [];
  const { email, password } = bootstrapAdmin;
  const rules = { minCodePoints: passwordMinCodePoints, strength: new ZxcvbnStrength() };
  const parsed = parseNewPassword(Secret.reveal(password), rules, { email, username: '' });
  return parsed.ok ? [] : [{ name: 'BOOTSTRAP_ADMIN_PASSWORD', expected: parsed.error.detail }];
};

/** A URL may say where the tables are: all that say it have to say the same. */
const schemaIssues = (of: Variables): readonly ConfigIssue[] => {
  const said = [of.DATABASE_SCHEMA, of.DATABASE_URL?.schema, of.DATABASE_DIRECT_URL?.schema];
  const schemas = new Set(said.filter((schema) => schema !== undefined));
  const expected = 'the schema that DATABASE_URL and DATABASE_DIRECT_URL name, or those to name none';
  return schemas.size > 1 ? [{ name: 'DATABASE_SCHEMA', expected }] : [];
};

/** Who gives a way past a pooler has one, most likely in transaction mode, and what is right there is right without. */
const databasesOf = (of: Variables): Pick<Config, 'postgres' | 'postgresDirect'> => {
  const { DATABASE_URL: url, DATABASE_DIRECT_URL: direct, DATABASE_CONNECT_TIMEOUT_MS: timeoutMs } = of;
  const common = {
    schema: of.DATABASE_SCHEMA ?? url?.schema ?? direct?.schema,
    ...(timeoutMs !== undefined && { connectTimeoutMs: timeoutMs }),
  };
  const pooling = of.DATABASE_POOLER ?? (direct === undefined ? url?.pooling : 'transaction');
  return {
    postgres: url && { ...url, ...common, pooling },
    postgresDirect: direct && { ...direct, ...common, pooling: 'none' },
  };
};

/** A request to a service takes longer than a command on a connection that is there. */
const commandTimeoutMs = ({ source }: RedisLocation): number =>
  source === 'UPSTASH_REDIS_REST_URL' ? limits.defaultRequestTimeoutMs : limits.defaultCommandTimeoutMs;

const toConfig = (of: Variables): Config => {
  const location = locateRedis(of);
  return {
    http: {
      host: of.HOST,
      port: of.PORT,
      trustedProxies: of.TRUST_PROXY,
      corsOrigins: of.CORS_ORIGINS,
      basePath: of.BASE_PATH,
      keepAliveTimeoutMs: of.KEEP_ALIVE_TIMEOUT_MS,
      logInsPerMinute: of.LIMIT_LOGIN_PER_MINUTE,
      registrationsPerMinute: of.LIMIT_REGISTER_PER_MINUTE,
    },
    ops: of.OPS_PORT === 'off' ? undefined : { host: of.OPS_HOST, port: of.OPS_PORT },
    dataDirectory: of.DATA_DIR,
    ...databasesOf(of),
    instances: of.INSTANCES ?? (of.DATABASE_URL === undefined ? 'one' : 'many'),
    tokens: {
      secrets: of.JWT_SECRET === undefined ? [] : [of.JWT_SECRET, ...of.JWT_PREVIOUS_SECRETS],
      ttlSeconds: of.JWT_TTL,
    },
    passwordMinCodePoints: of.PASSWORD_MIN_LENGTH,
    hashing: { memoryKiB: of.ARGON2_MEMORY_KIB, passes: of.ARGON2_PASSES },
    cache: {
      keyPrefix: of.CACHE_KEY_PREFIX,
      maxStalenessMs: of.MAX_STALENESS_MS,
      journalBoundMs: of.JOURNAL_BOUND_MS,
      serveWithoutDatabaseMs: of.WHEN_DATABASE_UNREACHABLE === 'serve' ? of.SERVE_WITHOUT_DATABASE_MS : 0,
      auditShare: of.CONSISTENCY_AUDIT,
      memoryMaxEntries: of.MEMORY_MAX_ENTRIES,
      memoryMaxBytes: of.MEMORY_MAX_MIB * mebibyte,
      ttlsMs: {
        user: of.USER_CACHE_TTL,
        profile: of.USER_PROFILE_TTL,
        contact: of.CONTACT_CACHE_TTL,
        contactList: of.CONTACT_LIST_CACHE_TTL,
      },
    },
    redis: location && {
      location,
      poolSize: of.REDIS_POOL_SIZE,
      poolTimeoutMs: of.REDIS_POOL_TIMEOUT,
      commandTimeoutMs: of.REDIS_COMMAND_TIMEOUT_MS ?? commandTimeoutMs(location),
      waitReplicas: of.REDIS_WAIT_REPLICAS,
    },
    bootstrapAdmin:
      of.BOOTSTRAP_ADMIN_EMAIL !== undefined && of.BOOTSTRAP_ADMIN_PASSWORD !== undefined
        ? { email: of.BOOTSTRAP_ADMIN_EMAIL, password: of.BOOTSTRAP_ADMIN_PASSWORD }
        : undefined,
    logLevel: of.LOG_LEVEL,
  };
};
