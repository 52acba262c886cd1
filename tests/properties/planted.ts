import type { Fault, FaultKind } from './faults.ts';
import type { Variant } from './instance.ts';
import type { Action, Plan } from './run.ts';

/** A wrong protocol, and what it takes to refute it. */
export type PlantedVariant = {
  readonly name: string;
  readonly variant: Variant;
  /** On instance 1. */
  readonly fault: FaultKind;
  readonly setUp?: Fault['setUp'];
  readonly actors: Plan['actors'];
  /** One that finds it soon, where 1 does not. */
  readonly seed?: number;
};

export const on0 = (...actions: readonly Action[]): Plan['actors'][number] => ({ instance: 0, actions });
export const on1 = (...actions: readonly Action[]): Plan['actors'][number] => ({ instance: 1, actions });
