import type { DatabaseHealth } from '../../domain/ports/persistence.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import type { CheckReadiness } from '../application.ts';

export type CheckReadinessNeeds = { readonly health: DatabaseHealth; readonly clock: Clock };

const maxAgeMs = 1000;

export const checkReadiness = ({ health, clock }: CheckReadinessNeeds): CheckReadiness => {
  let asked: { readonly atMs: number; readonly answer: Promise<boolean> } | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    if (asked === undefined || nowMs - asked.atMs >= maxAgeMs) {
      const answer = health.ping().then(
        () => true,
        () => false,
      );
      asked = { atMs: nowMs, answer };
    }
    return asked.answer;
  };
};
