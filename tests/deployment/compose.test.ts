import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { doctor } from '../../cli/doctor.ts';
import { migrate } from '../../cli/migrate.ts';
import { type Config, parseConfig } from '../../composition/config.ts';
import { Secret } from '../../domain/secret.ts';
import manifest from '../../package.json' with { type: 'json' };
import { runIn } from '../cli/support.ts';
import { redisAcl } from '../security/least-privilege.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { openRedis } from '../support/redis-server.ts';
import { namesIn, read, readCompose } from './files.ts';

const secret = (): string => randomBytes(24).toString('hex');
const variables = {
  POSTGRES_PASSWORD: secret(),
  KITH_OWNER_PASSWORD: secret(),
  KITH_DATABASE_PASSWORD: secret(),
  KITH_REDIS_PASSWORD: secret(),
  JWT_SECRET: randomBytes(48).toString('base64'),
};
const compose = readCompose(variables);
const instances = Object.entries(compose.services).filter(([name]) => /^kith-\d$/.test(name));
/** What the image sets and compose does not. */
const image = {
  NODE_ENV: 'production',
  HOST: '0.0.0.0',
  OPS_HOST: '0.0.0.0',
  PORT: '3000',
  OPS_PORT: '3001',
};

const configOf = (environment: Readonly<Record<string, string>> = {}): Config => {
  const parsed = parseConfig({ ...image, ...environment });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
};

type Finding = { readonly check: string; readonly verdict: string; readonly found: string };
const findingsOf = async (environment: Readonly<Record<string, string>>): Promise<readonly Finding[]> =>
  JSON.parse((await runIn(doctor, ['--json'], environment)).out).findings;

describe('compose.yaml', () => {
  it('has two instances that are alike, behind a balancer, with a database and a Redis', () => {
    expect(instances.map(([name]) => name)).toEqual(['kith-1', 'kith-2']);
    expect(instances[0]?.[1]).toEqual(instances[1]?.[1]);
    expect(Object.keys(compose.services).sort()).toEqual(
      ['haproxy', 'kith-1', 'kith-2', 'migrate', 'postgres', 'redis'].sort(),
    );
  });

  it('configures them as they understand it', () => {
    for (const [, { environment }] of instances) {
      const config = configOf(environment);
      expect(config.instances).toBe('many');
      expect(config.postgres).toMatchObject({ host: 'postgres', user: 'kith_app', database: 'kith' });
      expect(Secret.reveal(config.postgres?.password ?? new Secret(''))).toBe(
        variables.KITH_DATABASE_PASSWORD,
      );
      expect(config.redis?.location).toMatchObject({ source: 'REDIS_URL', host: 'redis', username: 'kith' });
      expect(config.bootstrapAdmin).toBeUndefined();
      const { ipam } = Object(compose.networks['inside']);
      expect(config.http.trustedProxies).toEqual([ipam.config[0].subnet]);
    }
  });

  it('honours the variables that make the first administrator', () => {
    const seed = {
      BOOTSTRAP_ADMIN_EMAIL: 'root@example.com',
      BOOTSTRAP_ADMIN_PASSWORD: 'correct horse battery',
    };
    const { environment } = readCompose({ ...variables, ...seed }).services['kith-1'] ?? {};
    expect(configOf(environment).bootstrapAdmin?.email).toBe('root@example.com');
  });

  it('starts with no secret missing, and asks for those that the example names', () => {
    for (const name of Object.keys(variables))
      expect(() => readCompose({ ...variables, [name]: '' }), name).toThrow(`${name} is not set`);
    const asked = [...new Set([...read('compose.yaml').matchAll(/\$\{(\w+):/g)].map(([, name]) => name))];
    expect([...namesIn('deploy/example.env')].sort()).toEqual(asked.sort());
    expect(read('deploy/example.env')).not.toMatch(/^\w+=.+$/m);
  });

  it('publishes the balancer and nothing else, and pins every image', () => {
    const published = Object.entries(compose.services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['haproxy']);
    expect(compose.services['haproxy']?.ports?.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    expect(compose.networks['inside']).toMatchObject({ internal: true });
    for (const [name, { image: tag = '' }] of Object.entries(compose.services)) {
      expect(tag, name).toMatch(/:\d+[\d.]*/);
      if (name.startsWith('kith')) expect(tag).toBe(`kith:${manifest.version}`);
    }
  });

  it('gives everything the time to stop, and starts it in order', () => {
    for (const [, service] of instances) {
      expect(Number.parseInt(service.stop_grace_period ?? '0', 10)).toBeGreaterThan(10);
      expect(service.depends_on).toMatchObject({ migrate: { condition: 'service_completed_successfully' } });
    }
    for (const { depends_on: needed = {} } of Object.values(compose.services))
      for (const name of Object.keys(needed)) expect(Object.keys(compose.services)).toContain(name);
  });

  it('starts a Redis, with its own settings and rights, in which the doctor finds nothing bad', async () => {
    const conf = compose.configs['redis']?.content ?? '';
    expect(conf).toContain(['user kith', ...redisAcl(variables.KITH_REDIS_PASSWORD)].join(' '));
    expect(conf).toContain('user default off');
    const settings = conf
      .trim()
      .split('\n')
      // The tests talk to it as the default user, to know when it is up.
      .filter((line) => line !== 'user default off')
      .flatMap((line) => `--${line}`.split(' ').map((word) => (word === '""' ? '' : word)));
    await using redis = await openRedis(settings);
    const findings = await findingsOf({
      REDIS_URL: `redis://kith:${variables.KITH_REDIS_PASSWORD}@127.0.0.1:${redis.port}`,
      DATA_DIR: join(tmpdir(), secret()),
      JWT_SECRET: variables.JWT_SECRET,
    });
    expect(findings.filter(({ check, verdict }) => verdict === 'bad' && check !== 'Redis latency')).toEqual(
      [],
    );
    for (const check of ['Redis rights', 'Redis eviction', 'Redis memory', 'Redis version'])
      expect(findings.find((each) => each.check === check)?.verdict, check).toBe('good');
    expect(await redis.command('INFO', 'memory')).toContain(`maxmemory:${256 * 2 ** 20}`);
  });

  it('makes two roles: one migrates, and the other serves with the rights it needs', async () => {
    // On the server of the tests, so under other names, and through psql as the image of PostgreSQL runs it.
    await using database = await createTestDatabase();
    const { host, port, user } = database.address;
    const suffix = `_${randomBytes(6).toString('hex')}`;
    const [owner, app, name] = [`kith_owner${suffix}`, `kith_app${suffix}`, `kith${suffix}`];
    const script = read('deploy/postgres-roles.sh')
      .replaceAll('kith_owner', owner)
      .replaceAll('kith_app', app)
      .replaceAll(/(database|connect) kith\b/g, `$1 ${name}`);
    const { PATH = '' } = process.env;
    const env = {
      PATH: `${PATH}:/usr/bin`,
      PGHOST: host,
      PGPORT: `${port}`,
      POSTGRES_USER: user,
      ...variables,
    };
    try {
      execFileSync('sh', ['-c', script], { env, stdio: ['ignore', 'ignore', 'inherit'] });
      const url = (role: string, password: string) =>
        `postgres://${role}:${password}@${host}:${port}/${name}`;
      const { command = [] } = compose.services['migrate'] ?? {};
      expect(command).toEqual(['migrate', '--grant', 'kith_app']);
      const migrated = await runIn(migrate, ['--grant', app], {
        DATABASE_URL: url(owner, variables.KITH_OWNER_PASSWORD),
      });
      expect(migrated).toMatchObject({ code: 0, err: '' });
      const findings = await findingsOf({
        DATABASE_URL: url(app, variables.KITH_DATABASE_PASSWORD),
        JWT_SECRET: variables.JWT_SECRET,
      });
      for (const check of ['database', 'database rights', 'migrations', 'triggers'])
        expect(findings.find((each) => each.check === check)?.verdict, check).toBe('good');
    } finally {
      await database.query(`drop database if exists ${name} with (force)`);
      for (const role of [app, owner]) await database.query(`drop role if exists ${role}`);
    }
  });
});

describe('haproxy.cfg', () => {
  const lines = read('deploy/haproxy.cfg')
    .split('\n')
    .map((line) => line.trim());

  it('leads to the instances that compose starts, and asks them whether they are ready', () => {
    const servers = lines.flatMap(
      (line) => /^server (\S+) (\S+):(\d+) check\b/.exec(line)?.slice(1, 4) ?? [],
    );
    expect(servers).toEqual(instances.flatMap(([name]) => [name, name, image.PORT]));
    expect(lines).toContain('http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host kith');
    expect(lines).toContain('http-check expect status 200');
  });

  it('sends a request again only if it changes nothing', () => {
    expect(lines).toContain('http-request disable-l7-retry unless { method GET HEAD OPTIONS }');
    const retried =
      lines
        .find((line) => line.startsWith('retry-on'))
        ?.split(' ')
        .slice(1) ?? [];
    // An answer of Kith is an answer: a 503 has its Retry-After.
    for (const cause of retried)
      expect(['conn-failure', 'empty-response', 'response-timeout']).toContain(cause);
    expect(lines).toContain('http-request set-header X-Forwarded-For %[src]');
  });
});
