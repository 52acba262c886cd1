import { expect, test } from 'vitest';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { observeApplication, untraced } from '../../../adapters/telemetry/observed-application.ts';
import type { Tracing } from '../../../adapters/telemetry/tracing.ts';
import type { Application } from '../../../application/application.ts';
import { userId } from '../../support/fixtures.ts';
import { openComposed } from './world.ts';

/** Keeps the names of the spans, and of what is described in them. */
const recording = () => {
  const spans: string[] = [];
  const outcomes: unknown[] = [];
  const tracing: Tracing = {
    span: async (name, _kind, _attributes, work, describe) => {
      spans.push(name);
      const value = await work();
      outcomes.push(describe(value)['kith.outcome']);
      return value;
    },
    serve: () => Promise.reject(new Error('no request is served here')),
  };
  return { spans, outcomes, tracing };
};

test('Each use case that is not listed as untraced makes a span, and answers what it answered before', async () => {
  const { useCases } = (await openComposed()).kith;
  const names = Object.keys(useCases);
  const { spans, outcomes, tracing } = recording();
  const answer = { ok: false, error: { code: 'user-not-found' } } as const;
  const refusing: Application = Object.assign(
    { ...useCases },
    Object.fromEntries(names.map((name) => [name, async () => answer])),
  );
  const traced = observeApplication(refusing, new Counts(), tracing);
  for (const name of names) {
    const run: unknown = Reflect.get(traced, name);
    expect(typeof run === 'function' && (await run())).toEqual(answer);
  }
  const expected = names.filter((name) => !Object.hasOwn(untraced, name));
  expect(expected.length).toBe(names.length - 3);
  expect(spans).toEqual(expected.map((name) => `kith ${name}`));
  expect(outcomes).toEqual(expected.map(() => 'user-not-found'));
});

test('A span is around the use case with all of its arguments', async () => {
  const { useCases } = (await openComposed()).kith;
  const { spans, tracing } = recording();
  const asked: unknown[] = [];
  const getContact: Application['getContact'] = async (...args) => {
    asked.push(...args);
    return { ok: false, error: { code: 'contact-not-found' } };
  };
  const traced = observeApplication({ ...useCases, getContact }, new Counts(), tracing);
  await traced.getContact(userId(1), 'id', 'authoritative');
  expect(asked).toEqual([userId(1), 'id', 'authoritative']);
  expect(spans).toEqual(['kith getContact']);
});
