import { describe, expect, it } from 'vitest';
import { password } from '../http/world.ts';
import { samplesOf, sampleValue } from './samples.ts';
import { openComposed } from './world.ts';

describe('the metrics', () => {
  it('count requests by route, method and class of the status, and nothing that a client chose', async () => {
    const world = await openComposed();
    const { token } = await world.join('ada');
    for (let times = 0; times < 3; times++) await world.send('GET', '/me', { token });
    await world.send('HEAD', '/me', { token });
    await world.send('GET', '/users/canary-path', { token });
    await world.send('GET', '/canary-nowhere?canary=1');
    await world.send('PROPFIND', '/me');
    const { text } = await world.sendOps('GET', '/metrics');
    const count = (route: string, method: string, status: string) =>
      sampleValue(text, 'kith_http_request_duration_seconds_count', { route, method, status });
    // HEAD is a GET whose content is left out.
    expect(count('/me', 'GET', '2xx')).toBe(4);
    expect(count('/users/{id}', 'GET', '4xx')).toBe(1);
    expect(count('other', 'other', '4xx')).toBe(2);
    expect(count('/auth/register', 'POST', '2xx')).toBe(1);
    expect(text).not.toMatch(/canary|ada@example|PROPFIND/);
  });

  it('count reads of each tier by kind and outcome, fences and log-ins', async () => {
    const world = await openComposed();
    const { id, token } = await world.join('ada');
    await world.send('GET', `/users/${id}`, { token });
    await world.send('GET', `/users/${id}`, { token });
    await world.send('PATCH', '/me', { token, json: { name: 'Ada' } });
    await world.send('POST', '/auth/login', { json: { identifier: 'ada', password } });
    await world.send('POST', '/auth/login', {
      json: { identifier: 'ada', password: 'wrong, and long enough' },
    });
    const { text } = await world.sendOps('GET', '/metrics');
    const reads = (outcome: string) =>
      sampleValue(text, 'kith_cache_reads_total', { tier: 'memory', kind: 'profiles', outcome });
    expect(reads('hit')).toBe(1);
    expect(reads('miss')).toBe(1);
    const fences = { command: 'fence', kind: 'users', outcome: 'confirmed' };
    expect(sampleValue(text, 'kith_cache_commands_total', fences)).toBeGreaterThan(0);
    expect(sampleValue(text, 'kith_log_ins_total', { outcome: 'ok' })).toBe(1);
    expect(sampleValue(text, 'kith_log_ins_total', { outcome: 'invalid-credentials' })).toBe(1);
    expect(sampleValue(text, 'kith_registrations_total', { outcome: 'ok' })).toBe(1);
    const lookups = samplesOf(text).filter(({ name }) => name === 'kith_lookups_total');
    const statistics = world.kith.useCases.getStatistics();
    expect(lookups.reduce((sum, { value }) => sum + value, 0)).toBe(statistics.totalLookups);
  });

  it('have a bucket for every duration, and buckets that only grow', async () => {
    const world = await openComposed();
    for (let times = 0; times < 20; times++) await world.send('GET', '/health/live');
    const { text } = await world.sendOps('GET', '/metrics');
    const of = { route: '/health/live' };
    const buckets = samplesOf(text).filter(
      ({ name, labels }) =>
        name === 'kith_http_request_duration_seconds_bucket' && labels['route'] === of.route,
    );
    expect(buckets.at(-1)?.labels['le']).toBe('+Inf');
    expect(buckets.at(-1)?.value).toBe(20);
    for (const [index, { value }] of buckets.entries()) {
      expect(value).toBeGreaterThanOrEqual(buckets[index - 1]?.value ?? 0);
    }
    expect(sampleValue(text, 'kith_http_request_duration_seconds_sum', of)).toBeGreaterThan(0);
  });

  it('name their unit, or that they are a total, and say what they are', async () => {
    const { text, headers } = await (await openComposed()).sendOps('GET', '/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const types = [...text.matchAll(/^# TYPE (kith_\w+) (\w+)$/gm)];
    expect(types.length).toBeGreaterThan(25);
    for (const [, name = '', type] of types) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} .{10,}`, 'm'));
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$|_ms$|_milliseconds$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
    expect(text).toMatch(/^process_resident_memory_bytes \d/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });

  it('are on no listener but the one of operations', async () => {
    const world = await openComposed();
    for (const path of ['/metrics', '/state', '/']) expect((await world.send('GET', path)).status).toBe(404);
  });
});
