import { afterAll, describe, expect, it } from 'vitest';
import type { Row } from './row.ts';
import { openSharedScene, runRow } from './running.ts';
import { runtimeOfTests } from './server.ts';

/** Rows wait for processes to start and to recover, which takes a machine that is busy with other tests its time. */
const timeoutMs = 120_000;
/** The verdicts of the tests are statuses, bodies, recovery and what is kept: a time is only missed if it is absurd. */
const slack = 5;
/** So that Redis is not out of use because the machine is. */
const environment = { REDIS_COMMAND_TIMEOUT_MS: '300' };

/**
 * Rows as tests, in their short form, on the runtime that the tests run on. Inside Deno one row a fault is run, for time:
 * the report (report.ts) runs all of them on both.
 */
export const registerRows = (title: string, rows: readonly Row[]): void => {
  const runtime = runtimeOfTests();
  const faults = new Set<string>();
  const chosen = rows
    .filter(({ isForReportOnly }) => isForReportOnly !== true)
    .filter(({ fault }) => runtime === 'node' || (!faults.has(fault) && faults.add(fault)));
  describe(`${title}, on ${runtime}`, () => {
    const shared = openSharedScene(runtime, environment);
    afterAll(() => shared[Symbol.asyncDispose]());
    for (const row of chosen) {
      it(row.name, { timeout: timeoutMs }, async () => {
        const { checks, error } = await runRow(row, shared, { runtime, isWhole: false, slack, environment });
        const missed = checks.all.filter(({ isMet }) => !isMet);
        expect(missed.map(({ what, value, limit }) => `${what}: ${value}, and not ${limit}`)).toEqual([]);
        expect(error).toBeUndefined();
      });
    }
  });
};
