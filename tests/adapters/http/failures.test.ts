import { describe, expect, it } from 'vitest';
import { problemRows } from '../../../adapters/http/answer/problem-table.ts';
import { failureProblem } from '../../../adapters/http/answer/problems.ts';
import { toResponse } from '../../../adapters/http/answer/reply.ts';
import type { AnyFailure } from '../../../domain/failures.ts';
import { DatabaseUnavailable, OutcomeUnknown, Overloaded, WriteConflict } from '../../../domain/faults.ts';
import { fail } from '../../../domain/result.ts';
import { errorsOf, expectProblem, openWorld, password, readAnswer } from './world.ts';

const logInBody = { json: { identifier: 'ada', password } };

describe('a failure', () => {
  const failures: Readonly<Record<AnyFailure['code'], readonly [number, AnyFailure]>> = {
    'invalid-input': [422, { code: 'invalid-input', issues: [] }],
    'email-taken': [409, { code: 'email-taken' }],
    'username-taken': [409, { code: 'username-taken' }],
    'phone-taken': [409, { code: 'phone-taken' }],
    'invalid-credentials': [401, { code: 'invalid-credentials' }],
    'too-many-attempts': [429, { code: 'too-many-attempts', retryAfterMs: 0 }],
    'invalid-token': [401, { code: 'invalid-token' }],
    'wrong-password': [403, { code: 'wrong-password' }],
    'user-not-found': [404, { code: 'user-not-found' }],
    'contact-not-found': [404, { code: 'contact-not-found' }],
    'contact-limit': [409, { code: 'contact-limit' }],
    'idempotency-key-reused': [422, { code: 'idempotency-key-reused' }],
    'version-conflict': [412, { code: 'version-conflict' }],
    'not-cached': [504, { code: 'not-cached' }],
    'last-admin': [409, { code: 'last-admin' }],
  };

  it.each(Object.values(failures))('is answered %i: $code', async (status, failure) => {
    const answer = await readAnswer('POST', '/x', toResponse(failureProblem(failure), 'r1', 'POST', []));
    expectProblem(answer, status, failure.code);
    expect(answer.headers.get('retry-after')).toBe(failure.code === 'too-many-attempts' ? '1' : null);
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
  });

  it('of the 5,001st contact is 409', async () => {
    const world = await openWorld({ addContact: async () => fail({ code: 'contact-limit' }) });
    const ada = await world.join('ada');
    const answer = await ada.send('POST', '/contacts', { json: { first_name: 'x' } });
    expectProblem(answer, 409, 'contact-limit');
  });

  it('names fields as they are on the wire', async () => {
    const issue = { code: 'too-long', detail: 'shorter' } as const;
    const issues = [['avatarUrl'], ['skills', 3], ['currentPassword'], []].map((path) => ({
      path,
      ...issue,
    }));
    const world = await openWorld({ changeProfile: async () => fail({ code: 'invalid-input', issues }) });
    const ada = await world.join('ada');
    expect(errorsOf(await ada.send('PATCH', '/me', { json: {} }))).toEqual([
      '#/avatar_url too-long',
      '#/skills/3 too-long',
      '#/current_password too-long',
      '# too-long',
    ]);
  });
});

describe('a fault', () => {
  const faults = [
    new DatabaseUnavailable('postgres://kith:canary@db'),
    new OutcomeUnknown('canary'),
    new WriteConflict('canary'),
    new Overloaded('canary'),
  ];

  it.each(faults)('is answered 503 with Retry-After, and says nothing more: $code', async (fault) => {
    const world = await openWorld({
      logIn: () => Promise.reject(fault),
      authenticate: () => {
        throw fault;
      },
    });
    for (const answer of [
      await world.send('POST', '/auth/login', logInBody),
      await world.send('GET', '/me', { token: 'x' }),
    ]) {
      expectProblem(answer, 503, fault.code);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.text).not.toContain('canary');
      expect(answer.headers.has('www-authenticate')).toBe(false);
    }
  });
});

describe('an exception that nobody foresaw', () => {
  const foreign = Object.assign(new Error('canary SELECT * FROM users\n    at canary'), {
    status: 418,
    statusCode: 418,
    headers: { 'x-canary': 'canary', 'set-cookie': 'canary=1' },
    body: { canary: true },
    data: 'canary',
    unhandled: false,
    name: 'HTTPError',
  });

  it.each([foreign, 'canary', undefined, { status: 200, canary: 1 }, new Response('canary')])(
    'is answered 500 and has no say in it: %#',
    async (thrown) => {
      const world = await openWorld({
        checkReadiness: () => Promise.reject(thrown),
        getCacheStatus: () => {
          throw thrown;
        },
      });
      for (const path of ['/health/ready', '/health/cache']) {
        const answer = await world.send('GET', path, { headers: { 'x-request-id': 'r1' } });
        expectProblem(answer, 500, 'internal-error');
        expect(answer.text).not.toContain('canary');
        expect([...answer.headers.keys()].toSorted()).toEqual([
          'cache-control',
          'content-type',
          'referrer-policy',
          'x-content-type-options',
          'x-request-id',
        ]);
      }
      expect(world.log.map(({ event }) => event)).toEqual(['http.unexpected', 'http.unexpected']);
      expect(world.log[0]?.fields).toMatchObject({ requestId: 'r1' });
      expect(JSON.stringify(world.log)).not.toContain('canary');
    },
  );

  it('is logged with the place where it was thrown', async () => {
    const world = await openWorld({ checkReadiness: () => Promise.reject(new TypeError('canary')) });
    await world.send('GET', '/health/ready');
    expect(world.log[0]?.fields).toMatchObject({ error: 'TypeError' });
    expect(world.log[0]?.fields['at']).toMatch(/failures\.test\.ts/);
  });
});

describe('the deadline', () => {
  const never = () => new Promise<never>(() => {});

  it('answers 503 for a use case that does not', async () => {
    const { send } = await openWorld({ checkReadiness: never }, { requestDeadlineMs: 20 });
    const answer = await send('GET', '/health/ready');
    expectProblem(answer, 503, 'deadline-exceeded');
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('answers 408 for a body that does not arrive', async () => {
    const { send } = await openWorld({}, { requestDeadlineMs: 20 });
    const raw = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    expectProblem(await send('POST', '/auth/login', { raw }), 408, 'request-timeout');
  });

  it('leaves an answer in time alone', async () => {
    const slow = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 10));
    const { send } = await openWorld({ checkReadiness: slow }, { requestDeadlineMs: 5000 });
    expect((await send('GET', '/health/ready')).status).toBe(200);
  });
});

describe('the table of problems', () => {
  it('has an error status, a title and two sentences for each code', () => {
    for (const [code, row] of Object.entries(problemRows)) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(row.status).toBeGreaterThanOrEqual(400);
      for (const text of [row.detail, row.advice]) expect(text).toMatch(/^[A-Z].*[.]$/);
      expect(row.challenge === undefined).toBe(row.status !== 401);
      if (row.status === 503 || row.status === 429) expect(row.retryAfterMs).toBeGreaterThan(0);
    }
  });
});
