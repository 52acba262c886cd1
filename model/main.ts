/**
 * `main.ts [--short] [--trace] [--limit=states] [part ...]`: checks the models and prints the table. Ends with 1 if a
 * case that must hold is refuted, or a variant that must be refuted is not, or not in its number of steps; with 2 if it
 * does not know what it was asked for.
 */
import process from 'node:process';
import { cases, mostStates, mostStatesShort } from './cases.ts';
import { head, rowOf, surpriseOf } from './table.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const given = process.argv.slice(2);
const short = given.includes('--short');
const traces = given.includes('--trace');
const limitGiven = given.find((argument) => argument.startsWith('--limit='))?.split('=')[1];
const limit = limitGiven === undefined ? (short ? mostStatesShort : mostStates) : Number(limitGiven);
const names = given.filter((argument) => !argument.startsWith('--'));
const parts = [...new Set(cases.map(({ part }) => part))];
const unknown = [
  ...names.filter((name) => !parts.includes(name)),
  ...given.filter((argument) => /^--(?!short$|trace$|limit=\d+$)/.test(argument)),
];

const main = (): number => {
  if (unknown.length > 0) {
    say(`unknown: ${unknown.join(' ')}. The parts are ${parts.join(', ')}.`);
    return 2;
  }
  const chosen = cases.filter(
    (one) => (!short || one.short) && (names.length === 0 || names.includes(one.part)),
  );
  const surprises: string[] = [];
  const startedAt = performance.now();
  say(
    `At most ${limit.toLocaleString('en')} states for each case, or as many as it is known to need.\n\n${head}`,
  );
  for (const one of chosen) {
    const isUsual = !short && limitGiven === undefined;
    const outcome = one.run(isUsual ? Math.max(limit, one.needs ?? 0) : limit);
    say(rowOf(one, outcome));
    const surprise = surpriseOf(one, outcome);
    if (surprise !== undefined) surprises.push(`${one.part}: ${one.name}: ${outcome.words}, but ${surprise}`);
    if (traces) for (const line of outcome.trace) say(`    ${line}`);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  say(`\n${chosen.length} cases in ${seconds} s, ${surprises.length} not as expected.`);
  for (const surprise of surprises) say(surprise);
  return surprises.length === 0 && chosen.length > 0 ? 0 : 1;
};

process.exitCode = main();
