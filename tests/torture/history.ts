/** A run as JSON lines, for this checker and for those of others. README.md tells the format. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { AuditEntry } from './audit.ts';
import type { Call, Fact, Violation } from './facts.ts';
import { showPage } from './list-states.ts';
import type { Operation } from './recorder.ts';
import type { Conditions } from './verdict.ts';

export const format = 1;

type WithoutCall<F> = F extends Fact ? Omit<F, 'call'> : never;

export type OperationLine = {
  readonly type: 'operation';
  readonly invokedMs: number;
  readonly completedMs: number;
  /** The incarnation of the server that was asked, or `psql`. */
  readonly process: string;
  readonly name: string;
  readonly kind: 'read' | 'write';
  readonly key: string | null;
  readonly version: number | 'removed' | null;
  readonly value: string | null;
  readonly source: Call['source'];
  /** 0: no answer. */
  readonly status: number;
  readonly outcome: 'ok' | 'failed' | 'unknown';
  readonly facts: readonly WithoutCall<Fact>[];
};

export type Line =
  | { readonly type: 'run'; readonly format: number; readonly seed: number; readonly variant: string }
  | { readonly type: 'fault'; readonly scenario: string; readonly fromMs: number; readonly toMs: number }
  | OperationLine
  | ({ readonly type: 'commit' } & AuditEntry)
  | { readonly type: 'wake'; readonly atMs: number }
  | ({ readonly type: 'finding' } & Violation)
  | ({ readonly type: 'verdict'; readonly violations: readonly Violation[] } & Conditions);

export interface History extends Disposable {
  write(lines: readonly Line[]): void;
}

/** Without a file nothing is written. An older file is replaced. */
export const openHistory = (file: string | undefined): History => {
  if (file === undefined) return { write() {}, [Symbol.dispose]() {} };
  const descriptor = openSync(file, 'w');
  return {
    write(lines) {
      for (const line of lines) writeSync(descriptor, `${JSON.stringify(line)}\n`);
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
};

export const lineOf = ({ call, kind, key, facts }: Operation): OperationLine => {
  const { name, server, startMs, endMs, status, source } = call;
  const records = facts.flatMap((fact) => (fact.type === 'token-use' ? [] : [shown(fact)]));
  const [record] = records;
  return {
    type: 'operation',
    invokedMs: startMs,
    completedMs: endMs,
    process: server === '' ? 'psql' : server,
    name,
    kind,
    // A look-up asks for several; then its facts say each.
    ...(records.length > 1 || record === undefined ? { key, version: null, value: null } : record),
    source,
    status,
    outcome: outcomeOf(kind, status, records.length > 0),
    facts: facts.map(({ call: _call, ...fact }) => fact),
  };
};

/** Who answers 4xx, or does not answer a read, has changed nothing. */
const outcomeOf = (kind: Operation['kind'], status: number, isKnown: boolean): OperationLine['outcome'] => {
  if (isKnown || (status >= 200 && status < 300)) return 'ok';
  return kind === 'write' && (status === 0 || status >= 500) ? 'unknown' : 'failed';
};

const shown = (
  fact: Exclude<Fact, { type: 'token-use' }>,
): Pick<OperationLine, 'key' | 'version' | 'value'> => {
  switch (fact.type) {
    case 'user-read':
      return { key: `user ${fact.id}`, version: fact.version, value: fact.marker };
    case 'user-write':
      return { key: `user ${fact.id}`, version: fact.version ?? null, value: fact.marker ?? null };
    case 'user-missing':
      return { key: `user ${fact.id}`, version: null, value: null };
    case 'contact-read':
      return { key: `contact ${fact.id}`, version: fact.version, value: fact.marker };
    case 'contact-write':
      return { key: `contact ${fact.id}`, version: fact.version, value: fact.marker ?? null };
    case 'contact-missing':
      return { key: `contact ${fact.id}`, version: null, value: null };
    case 'page-read':
      return { key: `list ${fact.ownerId}`, version: null, value: showPage(fact.total, fact.items) };
  }
};

/** The call and what it showed, as they were. */
export const factsOf = (line: OperationLine): { readonly call: Call; readonly facts: readonly Fact[] } => {
  const call: Call = {
    name: line.name,
    server: line.process === 'psql' ? '' : line.process,
    startMs: line.invokedMs,
    endMs: line.completedMs,
    status: line.status,
    source: line.source,
  };
  return { call, facts: line.facts.map((fact): Fact => ({ ...fact, call })) };
};

const types: ReadonlySet<unknown> = new Set<Line['type']>([
  'run',
  'fault',
  'operation',
  'commit',
  'wake',
  'finding',
  'verdict',
]);

/** One line of a file; throws if it is not of this format. */
export const parseLine = (text: string): Line => {
  const line: unknown = JSON.parse(text);
  if (typeof line !== 'object' || line === null || !('type' in line) || !types.has(line.type))
    throw new TypeError('a line of a history has a type that is known');
  if (line.type === 'run' && (!('format' in line) || line.format !== format))
    throw new TypeError(`a history of format ${format} was expected`);
  return line as Line;
};
