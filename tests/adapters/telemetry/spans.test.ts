import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { observeApplication } from '../../../adapters/telemetry/observed-application.ts';
import { findTracing } from '../../../adapters/telemetry/tracing.ts';
import { parseConfig } from '../../../composition/config.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import { openRedis } from '../../support/redis-server.ts';
import { password } from '../http/world.ts';
import { openComposed } from './world.ts';

const exporter = new InMemorySpanExporter();

/** The SDK of a host, as it registers itself. */
const register = (): void => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
};

beforeEach(() => exporter.reset());
afterEach(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const named = (name: string): ReadableSpan => {
  const span = exporter.getFinishedSpans().find((finished) => finished.name === name);
  if (span === undefined) {
    throw new Error(`no span ${name} among ${exporter.getFinishedSpans().map((finished) => finished.name)}`);
  }
  return span;
};

describe('spans', () => {
  it('follow a request down to the database, in the trace that its headers name', async () => {
    register();
    const world = await openComposed();
    const { token } = await world.join('ada');
    exporter.reset();
    const [traceId, parentId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const headers = { traceparent: `00-${traceId}-${parentId}-01`, 'cache-control': 'no-cache' };
    await world.send('GET', '/me', { token, headers });
    const [request, useCase, query] = [
      named('GET /me'),
      named('kith authenticate'),
      named('database reads.user'),
    ];
    for (const span of [request, useCase, query]) expect(span.spanContext().traceId).toBe(traceId);
    expect(request.parentSpanContext?.spanId).toBe(parentId);
    expect(useCase.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(query.parentSpanContext?.spanId).toBe(useCase.spanContext().spanId);
    expect(request.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/me',
      'http.response.status_code': 200,
    });
    expect(useCase.attributes).toEqual({ 'kith.outcome': 'ok', 'kith.cache.source': 'bypass' });
  });

  it('tell what Redis was asked, and what came of it', async () => {
    register();
    await using redis = await openRedis();
    const config = parseConfig({
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      // Beside other tests an answer may take longer than 100 ms.
      REDIS_COMMAND_TIMEOUT_MS: '1000',
    });
    if (!config.ok) throw new Error('the configuration is not as expected');
    const world = await openComposed({}, config.value);
    // On a busy machine Redis is in use only some time after the start.
    await vi.waitFor(async () => {
      expect((await world.kith.useCases.getCacheStatus()).backend).toBe('redis');
    }, 5000);
    const { id, token } = await world.join('ada');
    exporter.reset();
    await world.send('GET', `/users/${id}`, { token });
    const ofProfiles = exporter
      .getFinishedSpans()
      .find(({ name, attributes }) => name === 'cache read' && attributes['kith.cache.kind'] === 'profiles');
    expect(ofProfiles?.attributes).toMatchObject({
      'db.system.name': 'redis',
      'kith.cache.outcome': 'leased',
    });
    expect(named('cache fill').attributes).toMatchObject({ 'kith.cache.confirmed': true });
    exporter.reset();
    await world.send('PATCH', '/me', { token, json: { name: 'Ada' } });
    const fences = exporter.getFinishedSpans().filter(({ name }) => name === 'cache fence');
    const kinds = fences.map(({ attributes }) => attributes['kith.cache.kind']);
    expect(kinds.toSorted()).toEqual(['profiles', 'users']);
    expect(named('database transaction').status.code).toBe(SpanStatusCode.UNSET);
    await world.kith.close();
  });

  it('are failed by a fault, and say which, but not by a transaction that its use case refuses', async () => {
    register();
    const database = memoryDatabase();
    const reads = {
      ...database.reads,
      user: () => Promise.reject(new DatabaseUnavailable('canary of a message')),
    };
    const world = await openComposed({
      database: { ...database, reads, [Symbol.asyncDispose]: async () => {} },
    });
    const { token } = await world.join('ada');
    await world.send('GET', '/me', { token, headers: { 'cache-control': 'no-cache' } });
    const query = named('database reads.user');
    expect(query.status.code).toBe(SpanStatusCode.ERROR);
    expect(query.attributes['error.type']).toBe('database-unavailable');
    exporter.reset();
    const taken = { email: 'ada@example.com', username: 'ada2', password };
    expect((await world.send('POST', '/auth/register', { json: taken })).status).toBe(409);
    expect(named('database transaction').status.code).toBe(SpanStatusCode.UNSET);
    expect(named('kith register').attributes).toEqual({ 'kith.outcome': 'email-taken' });
  });

  it('carry nothing of a person', async () => {
    register();
    const world = await openComposed();
    const { id, token } = await world.join('canary');
    await world.send('GET', `/users/${id}?canary=1`, { token });
    await world.send('GET', '/users/by-username/canary', { token, headers: { 'x-request-id': 'canary' } });
    await world.send('POST', '/auth/login', { json: { identifier: 'canary@example.com', password } });
    const spans = exporter.getFinishedSpans();
    expect(spans.length).toBeGreaterThan(10);
    for (const { name, attributes, events, status } of spans) {
      const text = JSON.stringify([name, attributes, events, status]);
      for (const secret of ['canary', id, password, token]) expect(text).not.toContain(secret);
    }
  });

  it('cost nothing to a host without an SDK: the use cases are the very functions', async () => {
    const { useCases } = (await openComposed()).kith;
    const observed = () => observeApplication(useCases, new Counts(), findTracing());
    expect(observed().getUser).toBe(useCases.getUser);
    register();
    expect(observed().getUser).not.toBe(useCases.getUser);
    const traced = await openComposed();
    await context.with(ROOT_CONTEXT, () => world(traced));
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toContain('GET /health/live');
  });
});

const world = ({ send }: Awaited<ReturnType<typeof openComposed>>) => send('GET', '/health/live');
