import { describe, it } from 'vitest';

/** One promise of a port: a sentence, and a trial of it that throws where an adapter breaks it. */
export type Promised<Subject> = readonly [sentence: string, hold: (subject: Subject) => Promise<void> | void];

/** What a port promises, as sentences that can be tried on any adapter of it. */
export type Contract<Subject> = readonly Promised<Subject>[];

/** Makes what is tried, new for each sentence. What it makes is disposed afterwards, if it can be. */
export type Open<Subject> = () => Subject | Promise<Subject>;

/** Registers a test for each sentence. */
export const describeContract = <Subject>(
  title: string,
  contract: Contract<Subject>,
  open: Open<Subject>,
): void => {
  describe(title, () => {
    it.each(contract)('%s', (_sentence, hold) => tryOut(hold, open));
  });
};

/** The sentences that do not hold for an adapter: what a test asks that shows that a contract can fail. */
export const brokenSentences = async <Subject>(
  contract: Contract<Subject>,
  open: Open<Subject>,
): Promise<readonly string[]> => {
  const broken: string[] = [];
  for (const [sentence, hold] of contract) await tryOut(hold, open).catch(() => broken.push(sentence));
  return broken;
};

const tryOut = async <Subject>(hold: Promised<Subject>[1], open: Open<Subject>): Promise<void> => {
  const subject = await open();
  try {
    await hold(subject);
  } finally {
    if (isDisposable(subject)) await subject[Symbol.asyncDispose]();
  }
};

const isDisposable = (subject: unknown): subject is AsyncDisposable =>
  typeof subject === 'object' && subject !== null && Symbol.asyncDispose in subject;
