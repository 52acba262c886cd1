import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compose } from '../../../composition/compose.ts';
import { parseConfig } from '../../../composition/config.ts';
import { createTestDatabase, urlOf } from '../../support/postgres.ts';
import { openRedis } from '../../support/redis-server.ts';
import { password } from '../http/world.ts';
import { silentLog } from '../mikro-orm/support.ts';
import { type Sample, samplesOf } from './samples.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** A metric as a query names it, with the labels that it selects by. */
type Named = { readonly name: string; readonly labels: readonly string[] };

const namedIn = (text: string): readonly Named[] =>
  [...text.matchAll(/\b((?:kith|process|nodejs)_\w+)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', selectors = '']) => ({
      name,
      labels: [...selectors.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  );

/** What Prometheus adds to each sample itself. */
const added = ['job', 'instance'];

/** What is wrong with what is named, as sentences. */
const breachesOf = (named: readonly Named[], types: ReadonlySet<string>, samples: readonly Sample[]) =>
  named.flatMap(({ name, labels }) => {
    const family = name.replace(/_(?:bucket|count|sum)$/, '');
    if (!types.has(name) && !types.has(family)) return [`${name} is not exported`];
    const known = new Set(
      samples.filter((sample) => sample.name === name).flatMap((sample) => Object.keys(sample.labels)),
    );
    return labels
      .filter((label) => !added.includes(label) && !known.has(label))
      .map((label) => `${name} has no label ${label}`);
  });

/** The metrics of a server over PostgreSQL and Redis, after a registration, a log-in and some reads. */
const scrape = async (): Promise<string> => {
  const redis = await openRedis();
  onTestFinished(() => redis[Symbol.asyncDispose]());
  const database = await createTestDatabase();
  onTestFinished(() => database[Symbol.asyncDispose]());
  const config = parseConfig({
    DATABASE_URL: urlOf(database.address),
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    // Beside other tests an answer may take longer than 100 ms.
    REDIS_COMMAND_TIMEOUT_MS: '1000',
    JWT_SECRET: 'a secret of the tests, 40 characters long',
  });
  if (!config.ok) throw new Error('the configuration is not as expected');
  const kith = await compose(config.value, { log: silentLog });
  onTestFinished(() => kith.close());
  expect(await kith.ready()).toBe(true);
  const post = (path: string, json: object) =>
    kith.fetch(
      new Request(`http://kith.local${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(json),
      }),
      // Who has no address is under no limit.
      { ip: '192.0.2.1' },
    );
  expect((await post('/auth/register', { email: 'ada@example.com', username: 'ada', password })).status).toBe(
    201,
  );
  expect((await post('/auth/login', { identifier: 'ada', password })).status).toBe(200);
  for (let times = 0; times < 2; times++) await kith.useCases.getProfile({ username: 'ada' });
  return (await kith.http.ops(new Request('http://kith.local/metrics'))).text();
};

describe('what is handed to operators', () => {
  it('names only metrics and labels that a running server exports', async () => {
    const text = await scrape();
    const types = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name));
    const samples = samplesOf(text);
    // As JSON, the quotes inside the queries are escaped.
    const dashboard = read('ops/grafana.json').replaceAll('\\"', '"').replaceAll('"$instance"', '".*"');
    const named = [...namedIn(read('ops/alerts.yml')), ...namedIn(dashboard)];
    expect(named.length).toBeGreaterThan(50);
    expect(breachesOf(named, types, samples)).toEqual([]);
    // And every metric of ours that is worth exporting is worth a place on the dashboard.
    const shown = new Set(named.map(({ name }) => name.replace(/_(?:bucket|count|sum)$/, '')));
    expect([...types].filter((name) => name.startsWith('kith_') && !shown.has(name))).toEqual([]);
    // The check can fail.
    const planted = namedIn('rate(kith_lookups_total{tier="memory"}[5m]) / kith_no_such_thing');
    expect(breachesOf(planted, types, samples)).toEqual([
      'kith_lookups_total has no label tier',
      'kith_no_such_thing is not exported',
    ]);
  });

  it('explains every alert', () => {
    const guide = read('docs/operations.md');
    const alerts = [...read('ops/alerts.yml').matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name);
    expect(alerts.length).toBeGreaterThan(10);
    for (const alert of alerts) expect(guide).toContain(`\`${alert}\``);
  });

  it('tells of every metric', async () => {
    const guide = read('docs/operations.md');
    const names = [...read('adapters/telemetry/metrics.ts').matchAll(/'(kith_\w+)'/g)].map(
      ([, name = '']) => name,
    );
    expect(names.length).toBeGreaterThan(25);
    for (const name of names) expect(guide).toContain(`\`${name}\``);
    const told = namedIn(guide).flatMap(({ name }) => (name.startsWith('kith_') ? [name] : []));
    expect(told.filter((name) => !names.includes(name))).toEqual([]);
  });
});
