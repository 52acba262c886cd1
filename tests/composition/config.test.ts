import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../composition/config.ts';
import type { ConfigIssue, Environment } from '../../composition/environment.ts';
import { isStrongSecret } from '../../composition/signing-secret.ts';
import { Secret } from '../../domain/secret.ts';

const configOf = (environment: Environment): Config => {
  const parsed = parseConfig(environment);
  if (!parsed.ok) throw new Error(`a configuration was expected, not ${JSON.stringify(parsed.error)}`);
  return parsed.value;
};

const issuesOf = (environment: Environment): readonly ConfigIssue[] => {
  const parsed = parseConfig(environment);
  return parsed.ok ? [] : parsed.error;
};

const namesOf = (environment: Environment): readonly string[] =>
  issuesOf(environment).map(({ name }) => name);

const strong = randomBytes(32).toString('hex');

describe('the way to PostgreSQL', () => {
  const url = 'postgres://kith@db/kith';
  const direct = 'postgres://kith@direct/kith';

  it.each<[environment: Environment, pooling: string | undefined]>([
    [{ DATABASE_URL: url }, undefined],
    [{ DATABASE_URL: `${url}?pgbouncer=true` }, 'transaction'],
    [{ DATABASE_URL: url, DATABASE_DIRECT_URL: direct }, 'transaction'],
    [{ DATABASE_URL: url, DATABASE_DIRECT_URL: direct, DATABASE_POOLER: 'none' }, 'none'],
    [{ DATABASE_URL: url, DATABASE_POOLER: 'transaction' }, 'transaction'],
  ])('leads through a pooler in %j: %s', (environment, pooling) => {
    const { postgres, postgresDirect } = configOf(environment);
    expect(postgres?.pooling).toBe(pooling);
    expect(postgresDirect?.pooling ?? 'none').toBe('none');
  });

  it('has one schema, whoever names it, and one time for a connection, in which the variable goes first', () => {
    const named = configOf({
      DATABASE_URL: `${url}?schema=mine&connect_timeout=7`,
      DATABASE_DIRECT_URL: direct,
    });
    expect(named.postgres).toMatchObject({ schema: 'mine', connectTimeoutMs: 7000 });
    expect(named.postgresDirect).toMatchObject({ schema: 'mine' });
    const both = { DATABASE_URL: `${url}?connect_timeout=7`, DATABASE_CONNECT_TIMEOUT_MS: '900' };
    expect(configOf(both).postgres?.connectTimeoutMs).toBe(900);
    expect(namesOf({ DATABASE_URL: `${url}?schema=mine`, DATABASE_SCHEMA: 'other' })).toEqual([
      'DATABASE_SCHEMA',
    ]);
  });
});

describe('the configuration of an empty environment', () => {
  it('is the documented default', () => {
    expect(configOf({})).toEqual({
      http: {
        host: '127.0.0.1',
        port: 3000,
        trustedProxies: [],
        corsOrigins: [],
        basePath: '',
        keepAliveTimeoutMs: 75_000,
        logInsPerMinute: 30,
        registrationsPerMinute: 10,
      },
      ops: { host: '127.0.0.1', port: 3001 },
      dataDirectory: './data',
      postgres: undefined,
      instances: 'one',
      tokens: { secrets: [], ttlSeconds: 900 },
      passwordMinCodePoints: 15,
      hashing: { memoryKiB: 19_456, passes: 2 },
      cache: {
        keyPrefix: 'kith:',
        maxStalenessMs: 500,
        journalBoundMs: 2000,
        serveWithoutDatabaseMs: 30_000,
        auditShare: 0.001,
        memoryMaxEntries: 10_000,
        memoryMaxBytes: 67_108_864,
        ttlsMs: { user: 300_000, profile: 180_000, contact: 1_800_000, contactList: 1_800_000 },
      },
      redis: undefined,
      bootstrapAdmin: undefined,
      logLevel: 'info',
    });
  });

  it('is also that of variables set to nothing', () => {
    const empty = {
      PORT: '',
      REDIS_URL: '',
      DATABASE_URL: '',
      JWT_SECRET: '',
      OPS_PORT: '',
      TRUST_PROXY: '',
    };
    expect(configOf(empty)).toEqual(configOf({}));
  });
});

describe('a variable', () => {
  it.each<[name: string, value: string, read: (config: Config) => unknown, expected: unknown]>([
    ['PORT', '0', ({ http }) => http.port, 0],
    ['OPS_PORT', 'off', ({ ops }) => ops, undefined],
    ['OPS_PORT', '4001', ({ ops }) => ops?.port, 4001],
    ['HOST', '::1', ({ http }) => http.host, '::1'],
    ['DATA_DIR', '/var/lib/kith', ({ dataDirectory }) => dataDirectory, '/var/lib/kith'],
    ['DATABASE_URL', 'postgres://kith@db/kith', ({ instances }) => instances, 'many'],
    ['INSTANCES', 'many', ({ instances }) => instances, 'many'],
    ['ARGON2_MEMORY_KIB', '65536', ({ hashing }) => hashing.memoryKiB, 65_536],
    ['ARGON2_PASSES', '3', ({ hashing }) => hashing.passes, 3],
    ['JWT_TTL', '60', ({ tokens }) => tokens.ttlSeconds, 60],
    ['USER_CACHE_TTL', '1.5', ({ cache }) => cache.ttlsMs.user, 1500],
    ['USER_PROFILE_TTL', '20', ({ cache }) => cache.ttlsMs.profile, 20_000],
    ['CONTACT_CACHE_TTL', '30', ({ cache }) => cache.ttlsMs.contact, 30_000],
    ['CONTACT_LIST_CACHE_TTL', '40', ({ cache }) => cache.ttlsMs.contactList, 40_000],
    ['MAX_STALENESS_MS', '1000', ({ cache }) => cache.maxStalenessMs, 1000],
    ['JOURNAL_BOUND_MS', '5000', ({ cache }) => cache.journalBoundMs, 5000],
    ['WHEN_DATABASE_UNREACHABLE', 'refuse', ({ cache }) => cache.serveWithoutDatabaseMs, 0],
    ['SERVE_WITHOUT_DATABASE_MS', '5000', ({ cache }) => cache.serveWithoutDatabaseMs, 5000],
    ['CONSISTENCY_AUDIT', '0', ({ cache }) => cache.auditShare, 0],
    ['CONSISTENCY_AUDIT', '0.25', ({ cache }) => cache.auditShare, 0.25],
    ['CONSISTENCY_AUDIT', '1.0', ({ cache }) => cache.auditShare, 1],
    ['MEMORY_MAX_ENTRIES', '5', ({ cache }) => cache.memoryMaxEntries, 5],
    ['MEMORY_MAX_MIB', '2', ({ cache }) => cache.memoryMaxBytes, 2_097_152],
    ['CACHE_KEY_PREFIX', 'app:', ({ cache }) => cache.keyPrefix, 'app:'],
    ['PASSWORD_MIN_LENGTH', '8', ({ passwordMinCodePoints }) => passwordMinCodePoints, 8],
    ['LIMIT_LOGIN_PER_MINUTE', '0', ({ http }) => http.logInsPerMinute, 0],
    ['LIMIT_REGISTER_PER_MINUTE', '7', ({ http }) => http.registrationsPerMinute, 7],
    ['TRUST_PROXY', '10.0.0.0/8, ::1', ({ http }) => http.trustedProxies, ['10.0.0.0/8', '::1']],
    ['CORS_ORIGINS', 'https://a.example,http://localhost:5173', ({ http }) => http.corsOrigins.length, 2],
    ['CORS_ORIGINS', 'capacitor://localhost', ({ http }) => http.corsOrigins[0], 'capacitor://localhost'],
    ['BASE_PATH', '/team/kith-1', ({ http }) => http.basePath, '/team/kith-1'],
    ['KEEP_ALIVE_TIMEOUT_MS', '120000', ({ http }) => http.keepAliveTimeoutMs, 120_000],
    ['LOG_LEVEL', 'warn', ({ logLevel }) => logLevel, 'warn'],
  ])('%s=%s is understood', (name, value, read, expected) => {
    expect(read(configOf({ [name]: value }))).toEqual(expected);
  });

  it.each<[name: string, ...values: string[]]>([
    ['PORT', '65536', '-1', '3000.5', '0x10', '3000 ', 'http', '1e3'],
    ['OPS_PORT', 'on', '65536', 'OFF'],
    ['HOST', 'a b', '0.0.0.0/0', 'http://localhost'],
    [
      'DATABASE_URL',
      'mysql://db/kith',
      'db.example',
      'postgres:',
      'postgres://',
      'postgres://db',
      'postgres://u:%ff@db/kith',
    ],
    ['INSTANCES', '2', 'both'],
    ['CONSISTENCY_AUDIT', '1.1', '-0.1', '1%', 'off', '1e-3', '.5'],
    ['JWT_SECRET', 'short', 'x'.repeat(64), strong.slice(0, 32)],
    ['JWT_TTL', '0', '86401', '15m'],
    ['MAX_STALENESS_MS', '0', '1.5', 'NaN', 'Infinity', '99999999999999999999'],
    ['PASSWORD_MIN_LENGTH', '7', '129'],
    ['ARGON2_MEMORY_KIB', '19455', '131073'],
    ['ARGON2_PASSES', '1', '11'],
    ['TRUST_PROXY', 'all', '10.0.0.0/33', '::1/129', '10.0.0.0/', '10.0.0.1, proxy'],
    [
      'CORS_ORIGINS',
      '*',
      'example.com',
      'https://a.example/',
      'https://a.example/path',
      'null',
      'ftp://a.example',
      'https://*.example.com',
      'capacitor://',
      'capacitor://localhost/',
      'file:///a',
      'javascript:alert(1)',
    ],
    ['BASE_PATH', '/', 'kith', '/kith/', '/a//b', '/a/../b', '/a b', '/ü', '/a?b', '/{id}'],
    ['KEEP_ALIVE_TIMEOUT_MS', '0', '999', '3600001'],
    ['CACHE_KEY_PREFIX', 'with space', 'x'.repeat(65), 'kith\n'],
    [
      'REDIS_URL',
      'http://h',
      'redis://',
      'redis:h',
      'redis://h/x',
      'redis://h:99999',
      'redis://u:%ff@h',
      'unix:/tmp/s',
    ],
    ['REDIS_PRIVATE_URL', 'memcached://h'],
    ['REDIS_PORT', '0', 'six'],
    ['REDIS_POOL_SIZE', '0', '101'],
    ['REDIS_POOL_TIMEOUT', '0', '-1', '61', 'soon'],
    ['BOOTSTRAP_ADMIN_EMAIL', 'admin'],
    ['LOG_LEVEL', 'loud'],
  ])('%s that is none of its forms is refused, by name alone', (name, ...values) => {
    for (const value of values) {
      const issues = issuesOf({
        [name]: value,
        ...(name === 'BOOTSTRAP_ADMIN_EMAIL' && { BOOTSTRAP_ADMIN_PASSWORD: 'a password long enough' }),
      });
      expect(issues, `${name}=${value}`).toHaveLength(1);
      expect(issues[0]?.name).toBe(name);
    }
  });
});

describe('issues', () => {
  it('come all at once', () => {
    const names = namesOf({
      NODE_ENV: 'production',
      PORT: 'x',
      DATABASE_URL: 'x',
      REDIS_URL: 'x',
      LOG_LEVEL: 'x',
      BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com',
    });
    expect([...names].sort()).toEqual(
      ['BOOTSTRAP_ADMIN_PASSWORD', 'DATABASE_URL', 'JWT_SECRET', 'LOG_LEVEL', 'PORT', 'REDIS_URL'].sort(),
    );
  });

  it('name what one variable makes of another', () => {
    expect(namesOf({ NODE_ENV: 'production' })).toEqual(['JWT_SECRET']);
    expect(namesOf({ NODE_ENV: 'production', JWT_SECRET: strong })).toEqual([]);
    expect(namesOf({ JWT_PREVIOUS_SECRETS: strong })).toEqual(['JWT_SECRET']);
    expect(namesOf({ BOOTSTRAP_ADMIN_PASSWORD: 'p' })).toEqual(['BOOTSTRAP_ADMIN_EMAIL']);
    const admin = { BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com', BOOTSTRAP_ADMIN_PASSWORD: 'kJ8#mQ2$vN5' };
    expect(namesOf(admin)).toEqual(['BOOTSTRAP_ADMIN_PASSWORD']);
    expect(namesOf({ ...admin, PASSWORD_MIN_LENGTH: '9' })).toEqual([]);
  });

  const names = [
    ...[
      'HOST',
      'PORT',
      'OPS_HOST',
      'OPS_PORT',
      'DATA_DIR',
      'DATABASE_URL',
      'INSTANCES',
      'JWT_SECRET',
      'JWT_TTL',
    ],
    ...[
      'JWT_PREVIOUS_SECRETS',
      'MAX_STALENESS_MS',
      'CACHE_KEY_PREFIX',
      'TRUST_PROXY',
      'CORS_ORIGINS',
      'LOG_LEVEL',
    ],
    ...['REDIS_URL', 'REDIS_PRIVATE_URL', 'REDIS_HOST', 'REDIS_PORT', 'REDIS_PASSWORD', 'REDIS_POOL_TIMEOUT'],
    ...['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'],
    ...['BOOTSTRAP_ADMIN_EMAIL', 'BOOTSTRAP_ADMIN_PASSWORD'],
    ...['NODE_ENV', '__proto__', 'constructor'],
  ];
  const marker = 'hunter2-xyzzy';
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('redis://', 'postgres://u:', 'https://', '10.0.0.', 'production', '3', '\0', '%'),
    fc.webUrl(),
  );

  it('never come as an exception and never repeat a value, for every environment', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), fc.boolean(), (environment, marked) => {
        const given = Object.fromEntries(
          Object.entries(environment).map(([name, text]) => [name, marked ? text + marker : text]),
        );
        const parsed = parseConfig(given);
        if (parsed.ok) return;
        expect(parsed.error.length).toBeGreaterThan(0);
        expect(JSON.stringify(parsed.error)).not.toContain(marker);
        for (const { name, expected } of parsed.error) {
          expect(names).toContain(name);
          expect(expected).not.toBe('');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('where Redis is', () => {
  const all = {
    REDIS_URL: 'redis://first',
    REDIS_PRIVATE_URL: 'rediss://second',
    REDIS_HOST: 'third',
  };

  it('is taken from the first variable that is set', () => {
    const taken: unknown[] = [];
    const left: Record<string, string> = { ...all };
    for (const name of ['REDIS_URL', 'REDIS_PRIVATE_URL', 'REDIS_HOST']) {
      taken.push(configOf(left).redis?.location.source);
      delete left[name];
    }
    expect(taken).toEqual(['REDIS_URL', 'REDIS_PRIVATE_URL', 'REDIS_HOST']);
    expect(configOf(left).redis).toBeUndefined();
  });

  it('is fields, decoded, with the password as a secret', () => {
    const location = configOf({ REDIS_URL: 'rediss://kith:p%40ss%2Fword@[::1]:6380/3?family=0' }).redis
      ?.location;
    expect(location).toMatchObject({
      host: '::1',
      port: 6380,
      tls: true,
      username: 'kith',
      db: 3,
    });
    if (location === undefined || 'token' in location || location.password === undefined)
      throw new Error('a password was expected');
    expect(Secret.reveal(location.password)).toBe('p@ss/word');
  });

  it('has defaults for what a URL leaves out', () => {
    expect(configOf({ REDIS_URL: 'redis://cache' }).redis).toEqual({
      location: { source: 'REDIS_URL', host: 'cache', port: 6379, tls: false, db: 0 },
      poolSize: 1,
      poolTimeoutMs: 5000,
      commandTimeoutMs: 100,
      waitReplicas: 0,
    });
  });

  it('may be three variables and their own numbers', () => {
    const redis = configOf({
      REDIS_HOST: 'cache',
      REDIS_PORT: '6390',
      REDIS_PASSWORD: 'hunter2',
      REDIS_POOL_SIZE: '3',
      REDIS_POOL_TIMEOUT: '0.25',
      REDIS_COMMAND_TIMEOUT_MS: '50',
      REDIS_WAIT_REPLICAS: '1',
    }).redis;
    expect(redis).toMatchObject({ poolSize: 3, poolTimeoutMs: 250, commandTimeoutMs: 50, waitReplicas: 1 });
    expect(redis?.location).toMatchObject({ source: 'REDIS_HOST', host: 'cache', port: 6390, tls: false });
  });

  const upstash = { UPSTASH_REDIS_REST_URL: 'https://x.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'AX_y-9.==' };

  it('is Upstash over REST, third in the order, with a deadline for requests', () => {
    const redis = configOf({ ...upstash, REDIS_HOST: 'later' }).redis;
    expect(redis).toMatchObject({
      location: {
        ...{ source: 'UPSTASH_REDIS_REST_URL', url: 'https://x.upstash.io' },
        ...{ host: 'x.upstash.io', port: 443, tls: true },
      },
      commandTimeoutMs: 400,
    });
    const location = redis?.location;
    if (location?.source !== 'UPSTASH_REDIS_REST_URL') throw new Error('another was taken');
    expect(Secret.reveal(location.token)).toBe('AX_y-9.==');
    expect(configOf({ ...upstash, REDIS_COMMAND_TIMEOUT_MS: '90' }).redis?.commandTimeoutMs).toBe(90);
    for (const first of ['REDIS_URL', 'REDIS_PRIVATE_URL'])
      expect(configOf({ ...upstash, [first]: 'redis://first' }).redis?.location.source).toBe(first);
  });

  it('takes the URL and the token of Upstash together, or another Redis before them', () => {
    const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = upstash;
    expect(issuesOf({ UPSTASH_REDIS_REST_URL })).toEqual([
      {
        name: 'UPSTASH_REDIS_REST_TOKEN',
        expected: 'the token of the database, with UPSTASH_REDIS_REST_URL',
        isMissing: true,
      },
    ]);
    expect(issuesOf({ UPSTASH_REDIS_REST_TOKEN })).toEqual([
      {
        name: 'UPSTASH_REDIS_REST_URL',
        expected: 'the REST URL of the database, with UPSTASH_REDIS_REST_TOKEN',
        isMissing: true,
      },
    ]);
    for (const one of [{ UPSTASH_REDIS_REST_URL }, { UPSTASH_REDIS_REST_TOKEN }])
      expect(configOf({ ...one, REDIS_URL: 'redis://first' }).redis?.location.source).toBe('REDIS_URL');
  });

  it.each([
    'http://x.upstash.io',
    'rediss://x.upstash.io:6379',
    'https://user:hunter2@x.upstash.io',
    'https://x.upstash.io?_token=hunter2',
    'https://x.upstash.io#hunter2',
    'x.upstash.io',
  ])('is no REST URL: %s', (url) => {
    const issues = issuesOf({ ...upstash, UPSTASH_REDIS_REST_URL: url });
    expect(issues.map(({ name }) => name)).toEqual(['UPSTASH_REDIS_REST_URL']);
    expect(issues[0]?.expected).toContain('a URL like https://name.upstash.io');
    expect(JSON.stringify(issues)).not.toContain('hunter2');
  });

  it('may be reached without TLS on this machine alone, and below a path', () => {
    const url = (given: string) =>
      configOf({ ...upstash, UPSTASH_REDIS_REST_URL: given }).redis?.location ?? {};
    expect(url('http://localhost:8079/')).toMatchObject({
      url: 'http://localhost:8079',
      port: 8079,
      tls: false,
    });
    expect(url('http://[::1]:8079')).toMatchObject({ host: '::1' });
    expect(url('https://proxy.example/redis/')).toMatchObject({ url: 'https://proxy.example/redis' });
  });

  it('cannot wait for replicas, nor trust authorities of its own, over REST', () => {
    expect(namesOf({ ...upstash, REDIS_WAIT_REPLICAS: '1' })).toEqual(['REDIS_WAIT_REPLICAS']);
    expect(namesOf({ ...upstash, REDIS_WAIT_REPLICAS: '0' })).toEqual([]);
    expect(namesOf({ ...upstash, REDIS_CA_FILE: '/nowhere' })).toContain('REDIS_CA_FILE');
    expect(namesOf({ ...upstash, UPSTASH_REDIS_REST_TOKEN: 'two words' })).toEqual([
      'UPSTASH_REDIS_REST_TOKEN',
    ]);
  });
});

describe('secrets in a configuration', () => {
  const previous = [randomBytes(32).toString('base64'), randomBytes(48).toString('base64url')];
  const environment = {
    JWT_SECRET: strong,
    JWT_PREVIOUS_SECRETS: previous.join(', '),
    DATABASE_URL: 'postgresql://kith:hunter2@db/kith',
    REDIS_URL: 'redis://:hunter3@cache',
    BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com',
    BOOTSTRAP_ADMIN_PASSWORD: 'hunter4 and more than fifteen',
  };

  it('do not print, do not serialise, and can be had by asking for them', () => {
    const config = configOf(environment);
    const printed = inspect(config, { depth: Infinity, showHidden: true });
    for (const text of [strong, ...previous, 'hunter']) expect(printed).not.toContain(text);
    expect(printed).toContain('[secret]');
    expect(() => JSON.stringify(config)).toThrow(TypeError);
    expect(config.tokens.secrets.map((secret) => Secret.reveal(secret))).toEqual([strong, ...previous]);
    expect(Secret.reveal(config.postgres?.password ?? new Secret(''))).toBe('hunter2');
    expect(Secret.reveal(config.bootstrapAdmin?.password ?? new Secret(''))).toBe(
      environment.BOOTSTRAP_ADMIN_PASSWORD,
    );
  });
});

describe('a signing secret', () => {
  it('is strong when it is random, in every common form', () => {
    for (let n = 0; n < 500; n++) {
      expect(isStrongSecret(randomBytes(32).toString('hex'))).toBe(true);
      expect(isStrongSecret(randomBytes(32).toString('base64'))).toBe(true);
      expect(isStrongSecret(randomBytes(32).toString('base64url'))).toBe(true);
    }
  });

  it.each([
    'short',
    'x'.repeat(64),
    'ab'.repeat(32),
    '0123456789abcdef'.repeat(4),
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'changemechangemechangemechangemechangeme',
    'your-256-bit-secret-your-256-bit-secret',
    'super-secret-key-change-in-production-please',
    'correct horse battery staple correct horse',
    'this-is-my-very-long-jwt-signing-key-for-dev',
    'password1234567890password1234567890',
    randomBytes(16).toString('hex'),
    randomBytes(20).toString('base64'),
    randomBytes(6).toString('hex').repeat(8),
    ' '.repeat(64),
  ])('is refused when it is %j', (text) => {
    expect(isStrongSecret(text)).toBe(false);
  });
});
