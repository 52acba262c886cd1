/**
 * Every finding of the table, provoked as a stranger would: by `kith doctor` as a process, before real servers. A code that
 * is provoked nowhere, or said and not in a table, fails.
 */
import { expect, it } from 'vitest';
import { messageRows } from '../../../adapters/system/messages.ts';
import { findingRows } from '../../../cli/doctor/finding-table.ts';
import { kith } from '../support.ts';
import type { Report, Scene } from './scenes.ts';
import { scenesOfConfiguration } from './scenes-of-configuration.ts';
import { scenesOfDatabase } from './scenes-of-database.ts';
import { scenesOfRedis } from './scenes-of-redis.ts';
import { scenesOfRest } from './scenes-of-rest.ts';

const scenes = [...scenesOfConfiguration, ...scenesOfDatabase, ...scenesOfRedis, ...scenesOfRest];

const tries = 5;

/** On a machine that is busy a server may take longer to answer than the doctor waits: then it looks again. */
const examined = async ({ codes, examine }: Scene): Promise<Report> => {
  for (let tried = 1; ; tried++) {
    const report = await examine();
    const found = report.findings.map(({ code }) => code);
    if (tried === tries || codes.every((code) => found.includes(code))) return report;
  }
};

it.each(scenes)('sees $name', { timeout: 300_000 }, async (scene) => {
  const { findings, out } = await examined(scene);
  expect(
    findings.map(({ code }) => code),
    out,
  ).toEqual(expect.arrayContaining([...scene.codes]));
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
