import type { Context } from './benchmark.ts';
import { openRemote, type Remote } from './remote.ts';
import { type Contestant, type Measured, measure, runner } from './rounds.ts';

const processes = 3;

type Named = readonly (readonly [title: string, subject: string])[];

/** Measures subjects that run by themselves, each in processes of its own: ours from `file`, the peers' from peers.ts. */
export const measureSubjects = async (
  { settings, pace, short, peers }: Context,
  file: string,
  own: Named,
  others: Named = [],
  peersFile = 'peer-hits.ts',
): Promise<readonly Measured[]> => {
  await using opened = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  const open = async (from: string, [title, name]: Named[number]): Promise<void> => {
    const remotes: Remote[] = [];
    while (remotes.length < (short ? 1 : processes))
      remotes.push(opened.use(await openRemote({ file: from, name }, settings)));
    contestants.push(runner(title, remotes));
  };
  for (const subject of own) await open(file, subject);
  if (peers) for (const subject of others) await open(peersFile, subject);
  return await measure(contestants, pace);
};
