import type { Faults } from './faults.ts';

/** What an instance is configured with (docs/consistency.md), in milliseconds. */
export type Settings = {
  /** M. */
  readonly maxStalenessMs: number;
  /** J. */
  readonly boundMs: number;
  /** The bound of SERVE. */
  readonly silentBoundMs: number;
};

export const usual: Settings = { maxStalenessMs: 500, boundMs: 2_000, silentBoundMs: 6_000 };

export const settingsOf = (faults: Faults, instance: number): Settings => {
  if (faults.has('settings-differ', instance)) return { ...usual, maxStalenessMs: 1_000, boundMs: 4_000 };
  // Otherwise it would be excused while its checks are on their way.
  if (faults.has('lapsed-beat', instance)) return { ...usual, silentBoundMs: 0 };
  return usual;
};
