import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, systemTimer } from '../../../adapters/system/clock.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { jsonLog } from '../../../adapters/system/log.ts';
import { RecentEvents } from '../../../adapters/system/recent-events.ts';
import { steadyLog } from '../../../adapters/system/steady-log.ts';
import type { Clock, Ids, Log, LogFields, Timer } from '../../../domain/ports/runtime.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import {
  type ClockUnderTest,
  clockContract,
  describeClock,
  describeIds,
  describeLog,
  describeTimer,
  idsContract,
  type LogUnderTest,
  logContract,
  type TimerUnderTest,
  timerContract,
} from '../../contracts/runtime.ts';
import { SimulatedClock, simulatedIds } from '../../properties/clock.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../mikro-orm/support.ts';
import { MovableClock, openLog } from '../redis/fixture.ts';

describe('of the machine', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const advance = async (ms: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms);
  };
  describeClock('systemClock', () => ({
    clock: systemClock,
    advance,
    jump: (ms) => void vi.setSystemTime(Date.now() + ms),
  }));
  describeTimer('systemTimer', () => ({ timer: systemTimer, advance }));
});

const openManual = (): ClockUnderTest & TimerUnderTest => {
  const clock = new ManualClock();
  return { clock, timer: clock, advance: (ms) => clock.advance(ms), jump: (ms) => clock.jump(ms) };
};
describeClock('ManualClock', openManual);
describeTimer('ManualClock', openManual);

/** Time moves as in a run of a property: in steps, between which everything else happens. */
const openSimulated = (): ClockUnderTest & TimerUnderTest => {
  const clock = new SimulatedClock();
  const advance = async (ms: number): Promise<void> => {
    const stepMs = Math.max(1, ms / 1000);
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      clock.advance(stepMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, timer: clock, advance };
};
describeClock('the clock of the properties', openSimulated);
describeTimer('the clock of the properties', openSimulated);

describeClock('the movable clock of the tests', () => {
  const clock = new MovableClock();
  return { clock, advance: (ms) => clock.move(ms) };
});

describeIds('systemIds', () => ({ ids: systemIds }));
describeIds('the ids of the properties', () => ({ ids: simulatedIds(), arePredictable: true }));

/** The lines of a JSON log as its reader has them. */
const openJson = (around: (log: Log) => Log): LogUnderTest => {
  const lines: string[] = [];
  const log = around(jsonLog({ level: 'info', clock: systemClock, write: (line) => lines.push(line) }));
  const read = (line: string) => {
    const { time, level, event, ...fields } = JSON.parse(line);
    return { level, event, fields };
  };
  // Split as whoever collects the output would.
  return {
    log,
    written: () =>
      lines
        .join('')
        .split('\n')
        .filter((line) => line !== '')
        .map(read),
  };
};
describeLog('jsonLog', () => openJson((log) => log));
describeLog('steadyLog', () => openJson((log) => steadyLog(log, new ManualClock())));
describeLog('RecentEvents', () => openJson((log) => new RecentEvents(log, systemClock)));
describeLog('the log of the tests that keeps its lines', () => {
  const { log, lines } = openLog();
  return { log, written: () => lines };
});
describeLog('the recording log of the tests', () => {
  const log = recordingLog();
  const read = (line: string) => {
    const [, event = '', fields = ''] = /^(.*?) (\{.*\})$/s.exec(line) ?? [];
    return { event, fields: JSON.parse(fields) };
  };
  return { log, written: () => log.lines.map(read) };
});

const expectRefuted = async (broken: Promise<readonly string[]>, sentence: RegExp): Promise<void> =>
  expect(await broken).toContainEqual(expect.stringMatching(sentence));

it.each<readonly [what: string, sentence: RegExp, wrong: (right: ManualClock) => Partial<Clock>]>([
  ['tells seconds', /^tells the time in milliseconds/, (right) => ({ nowMs: () => right.nowMs() / 1000 })],
  ['counts down', /^never goes back/, (right) => ({ monotonicMs: () => 1e9 - right.monotonicMs() })],
  [
    'runs at two speeds',
    /^tells of the same time passing/,
    (right) => ({ monotonicMs: () => right.monotonicMs() / 1000 }),
  ],
  ['jumps on both sides', /^jumps on its wall side alone/, (right) => ({ monotonicMs: () => right.nowMs() })],
])('the contract refutes a clock that %s', async (_what, sentence, wrong) => {
  const open = (): ClockUnderTest => {
    const { clock: _, ...rest } = openManual();
    const right = new ManualClock();
    const clock: Clock = {
      nowMs: () => right.nowMs(),
      monotonicMs: () => right.monotonicMs(),
      ...wrong(right),
    };
    return { ...rest, clock, advance: (ms) => right.advance(ms), jump: (ms) => right.jump(ms) };
  };
  await expectRefuted(brokenSentences(clockContract, open), sentence);
});

it.each<readonly [what: string, sentence: RegExp, wrong: (right: ManualClock) => Partial<Timer>]>([
  ['does not sleep', /^wakes a sleeper at its time/, () => ({ sleep: () => Promise.resolve() })],
  [
    'wakes all with the first',
    /^wakes several in the order/,
    (right) => {
      let first: Promise<void> | undefined;
      return {
        sleep: (ms) => {
          first ??= right.sleep(ms);
          return first;
        },
      };
    },
  ],
  [
    'begins at once',
    /^repeats work, first after one period/,
    (right) => ({
      every: (ms, work) => {
        void work();
        return right.every(ms, work);
      },
    }),
  ],
  [
    'cannot be stopped',
    /until it is disposed/,
    (right) => ({
      every: (ms, work) => {
        right.every(ms, work);
        return { [Symbol.dispose]: () => {} };
      },
    }),
  ],
  [
    'waits for nobody',
    /^never has work under way twice/,
    (right) => ({ every: (ms, work) => right.every(ms, async () => void work()) }),
  ],
  [
    'does everything when one thing is due',
    /^repeats several things/,
    (right) => {
      const works: (() => Promise<void>)[] = [];
      return {
        every: (ms, work) => {
          works.push(work);
          return right.every(ms, async () => {
            for (const each of works) await each();
          });
        },
      };
    },
  ],
])('the contract refutes a timer that %s', async (_what, sentence, wrong) => {
  const open = (): TimerUnderTest => {
    const right = new ManualClock();
    const timer: Timer = {
      sleep: (ms) => right.sleep(ms),
      every: (ms, work) => right.every(ms, work),
      ...wrong(right),
    };
    return { timer, advance: (ms) => right.advance(ms) };
  };
  await expectRefuted(brokenSentences(timerContract, open), sentence);
});

it.each<readonly [what: string, sentence: RegExp, wrong: () => Partial<Ids>]>([
  ['are UUIDs of chance alone', /^are UUIDs of version 7/, () => ({ uuid: () => crypto.randomUUID() })],
  [
    'go back',
    /^are UUIDs in the order/,
    () => {
      const made = Array.from({ length: 5000 }, () => systemIds.uuid());
      return { uuid: () => made.pop() ?? '' };
    },
  ],
  [
    'come twice',
    /^are tokens of which none comes twice/,
    () => {
      let made = 0;
      return { token: () => `a-token-of-${made++ % 1000}` };
    },
  ],
  [
    'count',
    /^are tokens of at least 96 bits/,
    () => {
      let made = 0;
      return { token: () => `${made++}`.padStart(22, '0') };
    },
  ],
  ['are short', /^are tokens of at least 96 bits/, () => ({ token: () => systemIds.token().slice(0, 12) })],
])('the contract refutes ids that %s', async (_what, sentence, wrong) => {
  const open = () => ({ ids: { uuid: () => systemIds.uuid(), token: () => systemIds.token(), ...wrong() } });
  await expectRefuted(brokenSentences(idsContract, open), sentence);
});

it.each<readonly [what: string, sentence: RegExp, wrong: (log: Log) => Partial<Log>]>([
  ['forgets warnings', /^writes one line an event/, () => ({ warn: () => {} })],
  ['forgets fields', /^writes one line an event/, (log) => ({ info: (event) => log.info(event) })],
  [
    'mistakes levels',
    /^writes one line an event/,
    (log) => ({ error: (event, fields) => log.info(event, fields) }),
  ],
  [
    'needs fields',
    /^takes an event without fields/,
    (log) => ({ error: (event, fields) => Object.keys(fields ?? expect.fail()) && log.error(event, fields) }),
  ],
  [
    'writes lines as they come',
    /^writes one line also/,
    (log) => ({
      info: (event, fields) => {
        for (const line of event.split('\n')) log.info(line, fields);
      },
    }),
  ],
  [
    'throws at what is not well-formed',
    /^never throws/,
    (log) => ({
      warn: (event, fields) => log.warn(event, { ...fields, size: encodeURI(`${fields?.['value']}`).length }),
    }),
  ],
])('the contract refutes a log that %s', async (_what, sentence, wrong) => {
  const open = () =>
    openJson((log) => ({
      info: (event, fields) => log.info(event, fields),
      warn: (event, fields) => log.warn(event, fields),
      error: (event, fields) => log.error(event, fields),
      ...wrong(log),
    }));
  await expectRefuted(brokenSentences(logContract, open), sentence);
});

it('the contract refutes a log that keeps what it is given instead of writing it', async () => {
  const open = (): LogUnderTest => {
    const lines: { readonly event: string; readonly fields: LogFields }[] = [];
    const keep = (event: string, fields: LogFields = {}): void => void lines.push({ event, fields });
    return { log: { info: keep, warn: keep, error: keep }, written: () => lines };
  };
  await expectRefuted(brokenSentences(logContract, open), /^changes nothing of what it is given/);
});
