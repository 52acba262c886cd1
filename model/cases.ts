/** Every case of the table. */
import { aliases, aliasVariants } from './aliases.ts';
import { promises } from './log/promises.ts';
import { variants } from './log/variants.ts';
import { pages, pageVariants } from './pages.ts';
import { snapshots, snapshotVariants } from './snapshots.ts';
import type { Case } from './table.ts';

export const cases: readonly Case[] = [
  ...variants,
  ...promises,
  ...snapshots,
  ...snapshotVariants,
  ...pages,
  ...pageVariants,
  ...aliases,
  ...aliasVariants,
];

/** States that are stored at most for one case, and in the short form. */
export const mostStates = 1_000_000;
export const mostStatesShort = 100_000;
