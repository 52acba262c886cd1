/**
 * `spin.ts`: runs spin on model/promela/log.pml, a version of the core of the log model that was written for itself. Ends
 * with 1 if a case that must hold does not, or a variant that must be refuted is not.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { needCompiler, needSpin } from './servers.ts';

type SpinCase = { readonly name: string; readonly defines: string; readonly expected: 'holds' | 'refuted' };

const cases: readonly SpinCase[] = [
  { name: 'F0; psql, a reader', defines: 'W0=2 W1=0 R0=1 R1=2', expected: 'holds' },
  {
    name: 'F0; psql, a reader; Redis goes back twice',
    defines: 'W0=2 W1=0 R0=1 R1=2 NF=2',
    expected: 'holds',
  },
  { name: 'F0; psql, readers at two instances', defines: 'W0=2 W1=0 R0=0 R1=1', expected: 'holds' },
  {
    name: 'F0; a writer, a reader at it; late COMMIT',
    defines: 'W0=1 W1=0 R0=0 R1=2 LATE',
    expected: 'holds',
  },
  {
    name: 'F0; a writer, a reader elsewhere; late COMMIT; Redis goes back',
    defines: 'W0=1 W1=0 R0=1 R1=2 LATE NF=1',
    expected: 'holds',
  },
  {
    name: 'F0; psql, psql, a reader; Redis goes back',
    defines: 'W0=2 W1=2 R0=1 R1=2 NF=1',
    expected: 'holds',
  },
  {
    name: 'F0; a writer, psql, a reader; late COMMIT',
    defines: 'W0=1 W1=2 R0=1 R1=2 LATE',
    expected: 'holds',
  },
  { name: 'F1; two writers, a reader', defines: 'F1 W0=1 W1=1 R0=1 R1=2', expected: 'holds' },
  {
    name: 'F1; fences alone; two writers, readers at two instances',
    defines: 'F1 NO_BELIEF NO_OPEN_GATE W0=1 W1=1 R0=0 R1=1',
    expected: 'holds',
  },
  {
    name: 'delete after commit',
    defines: 'F1 NO_BELIEF NO_OPEN_GATE DELETE_AFTER_COMMIT W0=1 W1=0 R0=0 R1=1',
    expected: 'refuted',
  },
  {
    name: 'fill with SET',
    defines: 'F1 NO_BELIEF NO_OPEN_GATE BLIND_FILL W0=1 W1=0 R0=0 R1=1',
    expected: 'refuted',
  },
  {
    name: 'memory ignores the gate',
    defines: 'MEMORY_IGNORES_GATE W0=2 W1=0 R0=1 R1=2',
    expected: 'refuted',
  },
  {
    name: 'logged only when unconfirmed; late COMMIT',
    defines: 'LOG_UNCONFIRMED_ONLY LATE W0=1 W1=0 R0=1 R1=2',
    expected: 'refuted',
  },
  {
    name: 'a value is believed without its snapshot',
    defines: 'NO_BELIEF W0=2 W1=0 R0=1 R1=2',
    expected: 'refuted',
  },
  { name: 'HEARD keeps the greatest id', defines: 'ONE_ID W0=2 W1=2 R0=1 R1=2', expected: 'refuted' },
  {
    name: 'what is read meanwhile goes into memory unasked',
    defines: 'NOT_BELIEVED_AGAIN W0=2 W1=0 R0=1 R1=2',
    expected: 'refuted',
  },
  { name: 'silence opens the gate', defines: 'SILENCE_OPENS W0=2 W1=0 R0=1 R1=2', expected: 'refuted' },
  { name: 'the bound J - 1', defines: 'LESS_THAN_J W0=2 W1=0 R0=1 R1=2', expected: 'refuted' },
];

/** Steps of one way, and memory in MB, that the verifier may use. */
const deepest = 5_000_000;
const mostMemoryMb = 3_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Found = { readonly verdict: 'holds' | 'refuted'; readonly states: string; readonly seconds: string };

/** Lets spin write a verifier for the case, compiles and runs it. */
const verify = (folder: string, spin: string, compiler: string, { name, defines }: SpinCase): Found => {
  const options = { cwd: folder, encoding: 'utf8' as const, stdio: 'pipe' as const };
  const switches = defines.split(' ').map((define) => `-D${define}`);
  execFileSync(spin, [...switches, '-a', modelFile], options);
  const compiled = ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${mostMemoryMb}`, '-o', 'pan', 'pan.c'];
  execFileSync(compiler, compiled, options);
  const startedAt = performance.now();
  const { stdout } = spawnSync(join(folder, 'pan'), [`-m${deepest}`, '-n'], options);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const errors = /errors: (\d+)/.exec(stdout)?.[1];
  const isWhole = !/max search depth too small|Search not completed|out of memory/i.test(stdout);
  if (errors === undefined || (errors === '0' && !isWhole))
    throw new Error(`the search of "${name}" did not end:\n${stdout}`);
  // An end where nobody can go on would be a mistake of the model, and no refutation.
  if (errors !== '0' && !stdout.includes('assertion violated'))
    throw new Error(`"${name}" ended by something else than a read:\n${stdout}`);
  const states = /([\d.e+]+) states, stored/.exec(stdout)?.[1] ?? '?';
  return { verdict: errors === '0' ? 'holds' : 'refuted', states, seconds };
};

const modelFile = join(import.meta.dirname, '..', 'model', 'promela', 'log.pml');

const main = (): number => {
  const spin = needSpin();
  const compiler = needCompiler();
  const folder = mkdtempSync(join(tmpdir(), 'kith-spin-'));
  let surprises = 0;
  try {
    say('| case | | states | took |\n| --- | --- | --- | --- |');
    for (const one of cases) {
      const { verdict, states, seconds } = verify(folder, spin, compiler, one);
      const isExpected = verdict === one.expected;
      if (!isExpected) surprises++;
      const words = isExpected ? verdict : `${verdict}, BUT SHOULD NOT`;
      say(`| ${one.name} | ${words} | ${Number(states).toLocaleString('en')} | ${seconds} s |`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(`\n${cases.length} cases, ${surprises} not as expected.`);
  return surprises === 0 ? 0 : 1;
};

process.exitCode = main();
