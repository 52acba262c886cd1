import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByKind } from '../../adapters/telemetry/counts.ts';
import type { AuditCounts } from '../../application/operations/live-state.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import type { Variant } from './instance.ts';
import { type Action, faults, type Plan, plans, run } from './run.ts';
import { plantedVariants } from './variants.ts';

const seed = Number(process.env['KITH_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env['KITH_RUNS'] ?? 20);

/** What the audits of both instances found in one run, of all kinds. */
const findings = async (scheduler: fc.Scheduler, plan: Plan, variant?: Variant): Promise<AuditCounts> => {
  const audits = new ByKind<AuditCounts>(() => ({ audited: 0, stale: 0 }));
  await run(scheduler, plan, { ...variant, audits });
  const all = [...audits.all.values()];
  return {
    audited: all.reduce((sum, { audited }) => sum + audited, 0),
    stale: all.reduce((sum, { stale }) => sum + stale, 0),
  };
};

/** Long enough for audits, and with what they must not take for stale in between. */
const watched = (kind: FaultKind): fc.Arbitrary<Plan> =>
  plans(['read', 'page', 'write', 'raw', 'add', 'pause', 'long pause'], faults([kind])).map((plan) => ({
    ...plan,
    actors: plan.actors.map(({ instance, actions }) => ({
      instance,
      actions: ['read', 'page', 'read', ...actions, ...looks, ...looks],
    })),
  }));
/** A change that nobody is told of, and who goes on reading. */
const unheard: Plan['actors'] = [
  {
    instance: 1,
    actions: ['read', 'read', 'raw', 'read', 'long pause', 'read', 'long pause', 'read', 'pause', 'read'],
  },
  { instance: 1, actions: ['read', 'pause', 'read', 'pause', 'read', 'pause', 'read', 'pause', 'read'] },
  { instance: 0, actions: ['read', 'long pause', 'read', 'long pause', 'read'] },
];
const looks: readonly Action[] = ['read', 'page', 'long pause', 'read', 'page', 'read'];

describe(`the audit (seed ${seed})`, () => {
  it.each(faultKinds)(
    'for every schedule of readers, writers and raw SQL finds nothing stale in the protocol, with one fault: %s',
    async (kind) => {
      let judged = 0;
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), watched(kind), async (scheduler, plan) => {
          const { audited, stale } = await findings(scheduler, plan);
          expect(stale).toBe(0);
          judged += audited;
        }),
        { seed, numRuns },
      );
      expect(judged).toBeGreaterThan(0);
    },
    120_000,
  );

  it.each(['a value is believed without its snapshot', 'memory ignores the gate', 'no gate'])(
    'finds a protocol out in which %s',
    async (name) => {
      const planted = plantedVariants.find((each) => each.name === name);
      if (planted === undefined) throw new Error('there is no such variant');
      const { variant, fault } = planted;
      let stale = 0;
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), faults([fault]), async (scheduler, fault) => {
          const plan = { fault: { ...fault, instance: 1 }, actors: unheard };
          stale += (await findings(scheduler, plan, variant)).stale;
        }),
        { seed: 1, numRuns: 200 },
      );
      expect(stale).toBeGreaterThan(0);
    },
    120_000,
  );
});
