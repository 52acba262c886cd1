import type { Context } from './benchmark.ts';
import { openRemote } from './remote.ts';
import { type Contestant, type Measured, measure, runner } from './rounds.ts';

type Named = readonly (readonly [title: string, subject: string])[];

/** Measures subjects that run by themselves, each in its own process: ours from `file`, the peers' from peers.ts. */
export const measureSubjects = async (
  { settings, pace, peers }: Context,
  file: string,
  own: Named,
  others: Named = [],
  peersFile = 'peer-hits.ts',
): Promise<readonly Measured[]> => {
  await using opened = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  const open = async (from: string, [title, name]: Named[number]): Promise<void> => {
    contestants.push(runner(title, opened.use(await openRemote({ file: from, name }, settings))));
  };
  for (const subject of own) await open(file, subject);
  if (peers) for (const subject of others) await open(peersFile, subject);
  return await measure(contestants, pace);
};
