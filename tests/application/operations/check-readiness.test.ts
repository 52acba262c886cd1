import { expect, test } from 'vitest';
import { checkReadiness } from '../../../application/operations/check-readiness.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('Whether the database answers is asked once a second at most, however many ask', async () => {
  const clock = new ManualClock();
  let isUp = true;
  let asked = 0;
  const ping = async (): Promise<void> => {
    asked++;
    if (!isUp) throw new DatabaseUnavailable('down');
  };
  const isReady = checkReadiness({ health: { ping }, clock });
  expect(await Promise.all([isReady(), isReady()])).toEqual([true, true]);
  isUp = false;
  await clock.advance(999);
  expect([await isReady(), asked]).toEqual([true, 1]);
  await clock.advance(1);
  expect([await isReady(), await isReady(), asked]).toEqual([false, false, 2]);
  isUp = true;
  await clock.advance(1000);
  expect(await isReady()).toBe(true);
});
