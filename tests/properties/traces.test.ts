import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { plantedVariants } from './variants.ts';
import { plantedInLog } from './variants-of-log.ts';

// What a run of the right protocol does is held to the model in consistency.test.ts, run by run.
describe('the model cannot do what is planted', () => {
  it.each([...plantedVariants, ...plantedInLog])(
    '$name',
    async ({ variant, fault, setUp, actors, seed = 1 }) => {
      const at = fc.integer({ min: 1, max: 6 });
      const outcome = await fc.check(
        fc.asyncProperty(fc.scheduler(), at, async (scheduler, at) => {
          const plan = { fault: { kind: fault, at, instance: 1, setUp }, actors };
          const { refusal } = await run(scheduler, plan, variant);
          if (refusal !== undefined) throw new Error(refusal.why);
        }),
        { seed, numRuns: 5_000, endOnFailure: true },
      );
      expect(outcome.failed).toBe(true);
    },
    120_000,
  );
});
