import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestMs, momentOn, shortestMs } from '../../../application/caching/ages.ts';
import { Gate } from '../../../application/caching/gate.ts';
import type { Moment } from '../../../domain/ports/runtime.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const boundMs = 2_000;
const silentBoundMs = 30_000;

const open = (make: new (options: ConstructorParameters<typeof Gate>[0]) => Gate = Gate) => {
  const clock = new ManualClock();
  const gate = new make({ clock, boundMs, silentBoundMs });
  const check = () => gate.answered(momentOn(clock));
  return { clock, gate, check };
};

const opened = (make?: typeof Gate) => {
  const world = open(make);
  world.check();
  world.check();
  return world;
};

describe('the gate', () => {
  it('is closed until a second check in a row was answered', async () => {
    const { clock, gate, check } = open();
    expect(gate.isOpen()).toBe(false);
    check();
    expect(gate.isOpen()).toBe(false);
    await clock.advance(boundMs);
    check();
    expect(gate.isOpen()).toBe(true);
  });

  it('stays closed by two checks that were too far apart, and opens by the next', async () => {
    const { clock, gate, check } = open();
    check();
    await clock.advance(boundMs + 1);
    check();
    expect(gate.isOpen()).toBe(false);
    check();
    expect(gate.isOpen()).toBe(true);
  });

  it('is open for the bound, counted from the beginning of the last check and not from its answer', async () => {
    const { clock, gate } = opened();
    const began = momentOn(clock);
    await clock.advance(1_500);
    gate.answered(began);
    await clock.advance(500);
    expect(gate.isOpen()).toBe(true);
    await clock.advance(1);
    expect(gate.isOpen()).toBe(false);
  });

  it('closes when either clock says that the time is over: a suspended machine, a clock that was set', async () => {
    const { clock, gate } = opened();
    clock.jump(boundMs + 1);
    expect(gate.isOpen()).toBe(false);
    const { clock: other, gate: same } = opened();
    other.jump(-3_600_000);
    await other.advance(boundMs + 1);
    expect(same.isOpen()).toBe(false);
  });

  it('stays open for its time where nobody answers, and then closes', async () => {
    const { clock, gate } = opened();
    for (let ms = 0; ms < silentBoundMs; ms += 500) {
      gate.silent();
      expect(gate.isOpen()).toBe(true);
      await clock.advance(500);
    }
    expect(gate.isWithoutDatabase).toBe(true);
    await clock.advance(1);
    gate.silent();
    expect([gate.isOpen(), gate.isWithoutDatabase]).toEqual([false, false]);
  });

  it('is not opened by silence, neither at the start nor after a stall', async () => {
    const { gate: atTheStart } = open();
    atTheStart.silent();
    expect(atTheStart.isOpen()).toBe(false);
    const { clock, gate } = opened();
    await clock.advance(boundMs + 1);
    gate.silent();
    expect(gate.isOpen()).toBe(false);
  });

  it('closes at once where somebody answers again, and it is an error', async () => {
    const { clock, gate, check } = opened();
    gate.silent();
    await clock.advance(boundMs + 1);
    expect(gate.isOpen()).toBe(true);
    gate.refused();
    expect(gate.isOpen()).toBe(false);
    // Also by a check that was answered: it is the first in a row.
    gate.silent();
    check();
    expect(gate.isOpen()).toBe(false);
    check();
    expect(gate.isOpen()).toBe(true);
  });

  it('does not outlast its bound by silence where that is configured', async () => {
    const clock = new ManualClock();
    const gate = new Gate({ clock, boundMs, silentBoundMs: 0 });
    for (let check = 0; check < 2; check++) gate.answered(momentOn(clock));
    gate.silent();
    await clock.advance(boundMs + 1);
    expect(gate.isOpen()).toBe(false);
  });
});

type Step = { readonly is: 'check' | 'refusal' | 'silence' | 'jump'; readonly passMs: number };

/** Runs a gate through what may happen; the moments at which it was open and should not have been, in words. */
const wrongs = async (steps: readonly Step[], make: typeof Gate): Promise<readonly string[]> => {
  const { clock, gate } = open(make);
  /** The beginnings of all answered checks, and whether there was nothing but silence since the last one. */
  const answered: Moment[] = [];
  let isSilentSince = false;
  const found: string[] = [];
  const mayBeOpen = (): boolean => {
    const [before, last] = answered.slice(-2);
    if (before === undefined || last === undefined || longestMs(before, last) > boundMs) return false;
    return longestMs(last, momentOn(clock)) <= (isSilentSince ? silentBoundMs : boundMs);
  };
  for (const { is, passMs } of steps) {
    const began = momentOn(clock);
    if (is === 'jump') clock.jump(passMs);
    else await clock.advance(passMs);
    if (is === 'check') {
      gate.answered(began);
      answered.push(began);
      isSilentSince = false;
    } else if (is === 'refusal') {
      gate.refused();
      isSilentSince = false;
    } else if (is === 'silence') {
      isSilentSince ||= mayBeOpen();
      gate.silent();
    }
    if (gate.isOpen() && !mayBeOpen()) found.push(`open after ${is}`);
  }
  return found;
};

const steps = fc.array(
  fc.record({
    is: fc.constantFrom<Step['is'][]>('check', 'check', 'refusal', 'silence', 'jump'),
    passMs: fc.constantFrom(0, 500, 1_500, 2_000, 2_001, 10_000, 40_000),
  }),
  { maxLength: 12 },
);

describe('for every order of answers, silences, stalls and steps of the clock the gate', () => {
  it('is open only where the rules say so', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        expect(await wrongs(taken, Gate)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  class OneCheckOpens extends Gate {
    override answered(began: Moment): void {
      super.answered(began);
      super.answered(began);
    }
  }
  class SilenceOpens extends Gate {
    override silent(): void {
      this.answered(momentOn(new ManualClock()));
      this.answered(momentOn(new ManualClock()));
    }
  }
  class RefusalsAreSilence extends Gate {
    override refused(): void {
      this.silent();
    }
  }
  class MonotonicAlone extends Gate {
    constructor(options: ConstructorParameters<typeof Gate>[0]) {
      const { clock } = options;
      super({ ...options, clock: { monotonicMs: () => clock.monotonicMs(), nowMs: () => 0 } });
    }
    override answered({ monotonicMs }: Moment): void {
      super.answered({ monotonicMs, wallMs: 0 });
    }
  }
  class CountedFromTheAnswer extends Gate {
    readonly #now: () => Moment;
    constructor(options: ConstructorParameters<typeof Gate>[0]) {
      super(options);
      this.#now = () => momentOn(options.clock);
    }
    override answered(): void {
      super.answered(this.#now());
    }
  }

  it.each([
    ['one check opens', OneCheckOpens],
    ['silence opens', SilenceOpens],
    ['an error is taken for silence', RefusalsAreSilence],
    ['only the monotonic clock counts', MonotonicAlone],
    ['a check counts from its answer', CountedFromTheAnswer],
  ])('would not be where %s', async (_what, make) => {
    const outcome = await fc.check(
      fc.asyncProperty(steps, async (taken) => (await wrongs(taken, make)).length === 0),
      { numRuns: 5_000, seed: 3 },
    );
    expect(outcome.failed).toBe(true);
  });
});

describe('an age', () => {
  it('is the larger of two clocks for what must end, and the smaller for what is waited for', () => {
    const from = { monotonicMs: 0, wallMs: 100 };
    expect(longestMs(from, { monotonicMs: 5, wallMs: 110 })).toBe(10);
    expect(shortestMs(from, { monotonicMs: 5, wallMs: 110 })).toBe(5);
    expect(longestMs(from, { monotonicMs: 5, wallMs: 50 })).toBe(5);
    expect(shortestMs(from, { monotonicMs: 5, wallMs: 50 })).toBe(-50);
  });
});
