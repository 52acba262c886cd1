/**
 * Every finding of the table, provoked as a stranger would: by `kith doctor` as a process, before real servers. A code that
 * is provoked nowhere, or said and not in a table, fails.
 */
import { expect, it } from 'vitest';
import { messageRows } from '../../../adapters/system/messages.ts';
import { findingRows } from '../../../cli/doctor/finding-table.ts';
import { kith } from '../support.ts';
import { scenesOfConfiguration } from './scenes-of-configuration.ts';
import { scenesOfDatabase } from './scenes-of-database.ts';
import { scenesOfRedis } from './scenes-of-redis.ts';

const scenes = [...scenesOfConfiguration, ...scenesOfDatabase, ...scenesOfRedis];

it.each(scenes)('sees $name', { timeout: 120_000 }, async ({ codes, examine }) => {
  const { findings, out } = await examine();
  const found = findings.map(({ code }) => code);
  expect(found, out).toEqual(expect.arrayContaining([...codes]));
  expect(out).not.toContain('hunter2');
  const rows = Object.entries(findingRows);
  for (const { verdict, code } of findings) {
    if (code === undefined) expect(verdict).toBe('good');
    else if (code in messageRows) expect(verdict).not.toBe('good');
    else expect(verdict, code).toBe(rows.find(([each]) => each === code)?.[1].verdict);
  }
});

it('has a way to each finding of the table', () => {
  const provoked = new Set(scenes.flatMap(({ codes }) => codes));
  expect([...provoked].sort()).toEqual(Object.keys(findingRows).sort());
});

it('has no code that a message has, so that one search finds one thing', () => {
  expect(Object.keys(findingRows).filter((code) => code in messageRows)).toEqual([]);
});

it('says the code to people, too, at the end of what is to be done', async () => {
  const { out } = await kith(['doctor'], { DATA_DIR: '/nowhere/kith', REDIS_URL: 'redis://127.0.0.1:1' });
  const advice = out.split('\n').filter((line) => line.includes('-> '));
  expect(advice.map((line) => /-> .+ \[([a-z-]+)\]$/.exec(line)?.[1])).toEqual(
    expect.arrayContaining(['secret-made', 'redis-unreachable']),
  );
});
