import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { AuditLog } from './audit.ts';
import { Checker } from './checker.ts';
import type { Call, Fact, Violation } from './facts.ts';
import { factsOf, type Line, parseLine } from './history.ts';
import { type Conditions, verdictOf } from './verdict.ts';
import { bounds } from './world.ts';

/** What a scenario was found guilty of from its lines alone, and what the run itself had found. */
export type Judgement = {
  readonly conditions: Conditions;
  readonly violations: readonly Violation[];
  readonly live: readonly Violation[];
};

/** Judges a run by its lines, one after the other, and nothing else. */
export class Judging {
  readonly judgements: Judgement[] = [];
  readonly #checker = new Checker(bounds);
  readonly #log = new AuditLog();
  #facts: Fact[] = [];
  #serverErrors: Call[] = [];
  #findings: Violation[] = [];

  take(line: Line): void {
    if (line.type === 'commit') this.#log.add(line);
    if (line.type === 'wake') this.#log.wakes.push(line.atMs);
    if (line.type === 'finding') this.#findings.push({ kind: line.kind, text: line.text });
    if (line.type === 'operation') {
      const { call, facts } = factsOf(line);
      for (const fact of facts) this.#facts.push(fact);
      if (call.status >= 500) this.#serverErrors.push(call);
    }
    if (line.type === 'verdict') this.#judge(line);
  }

  #judge({ type: _type, violations: live, ...conditions }: Extract<Line, { type: 'verdict' }>): void {
    const evidence = {
      audit: this.#log.audit(),
      facts: this.#facts,
      serverErrors: this.#serverErrors,
      findings: this.#findings,
    };
    const violations = verdictOf(this.#checker, evidence, conditions);
    this.judgements.push({ conditions, violations, live });
    this.#facts = [];
    this.#serverErrors = [];
    this.#findings = [];
  }
}

/** Throws where the file is no history, or ends in the middle of a scenario. */
export const judgeFile = async (file: string): Promise<readonly Judgement[]> => {
  const judging = new Judging();
  let last: Line | undefined;
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const line = parseLine(text);
    if (last === undefined && line.type !== 'run') throw new TypeError('a history begins with its run');
    judging.take(line);
    last = line;
  }
  if (last?.type !== 'verdict') throw new TypeError('the history ends before its verdict');
  return judging.judgements;
};

/** Whether the file says the same as the run did. */
export const isSame = ({ violations, live }: Judgement): boolean =>
  JSON.stringify(violations) === JSON.stringify(live);
