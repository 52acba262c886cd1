import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type AuditEntry, AuditLog } from './audit.ts';
import { Checker } from './checker.ts';
import type { Call, Fact, Source, Violation } from './facts.ts';
import { format, type Line, lineOf, openHistory, parseLine } from './history.ts';
import { isSame, judgeFile } from './judge.ts';
import { Recorder } from './recorder.ts';
import { verdictOf } from './verdict.ts';
import { bounds } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-history-'));
const file = join(folder, 'history.jsonl');
afterAll(() => rmSync(folder, { recursive: true }));

const id = 'u1';
const version = (seq: number): AuditEntry => ({
  seq,
  what: 'user',
  id,
  version: seq,
  atMs: seq * 10.125,
  by: 'server',
  email: 'a@example.com',
  username: 'ada',
  phone: null,
  marker: `m${seq}`,
  active: true,
  tokenVersion: 1,
});
const contact: AuditEntry = {
  seq: 3,
  what: 'contact',
  owner: id,
  atMs: 30.5,
  by: 'psql',
  contactId: 'c1',
  version: 'removed',
  marker: null,
  createdAt: 'then',
};

const call = (startMs: number, more: Partial<Call> = {}): Call => ({
  name: 'test',
  server: '1.0',
  startMs,
  endMs: startMs + 5.25,
  status: 200,
  source: 'redis',
  ...more,
});
const written: Fact = {
  type: 'user-write',
  call: call(990.3, { server: '', source: 'unknown' }),
  id,
  version: 2,
  tokenVersionBefore: 1,
  security: true,
};
const read = (startMs: number, seen: number, source: Source): Fact => ({
  type: 'user-read',
  call: call(startMs, { source }),
  key: { kind: 'id', value: id },
  id,
  version: seen,
  username: 'ada',
  marker: `m${seen}`,
});
const finding: Violation = { kind: 'error', text: 'server 1 is degraded' };

/** Two scenarios, written as a run writes them; what it finds live. */
const write = (): readonly (readonly Violation[])[] => {
  using history = openHistory(file);
  const checker = new Checker(bounds);
  const log = new AuditLog();
  history.write([{ type: 'run', format, seed: 7, variant: 'planted' }]);
  const scenario = (
    entries: readonly AuditEntry[],
    facts: readonly Fact[],
    findings: readonly Violation[] = [],
  ): readonly Violation[] => {
    const recorder = new Recorder();
    const refused = call(999, { status: 503 });
    recorder.call('write', { call: refused, body: undefined }, `user ${id}`);
    for (const fact of facts) recorder.fact(fact);
    for (const entry of entries) log.add(entry);
    const { operations, serverErrors } = recorder.take();
    const conditions = { scenario: 'test', keepsFences: true, onlyRedis: true, bounds };
    const seen = operations.flatMap((operation) => operation.facts);
    const evidence = { audit: log.audit(), facts: seen, serverErrors, findings };
    const violations = verdictOf(checker, evidence, conditions);
    const lines: readonly Line[] = [
      ...entries.map((entry): Line => ({ type: 'commit', ...entry })),
      { type: 'wake', atMs: 5000 },
      ...operations.map(lineOf),
      ...findings.map((one): Line => ({ type: 'finding', ...one })),
      { type: 'fault', scenario: 'test', fromMs: 1, toMs: 2 },
      { type: 'verdict', ...conditions, violations },
    ];
    history.write(lines);
    return violations;
  };
  return [
    scenario([version(1), version(2)], [written, read(1000, 1, 'memory'), read(900, 7, 'redis')]),
    // Floors are kept, and a lower number comes later.
    scenario([contact, version(4)], [read(4000, 1, 'redis'), read(4001, 4, 'database')], [finding]),
  ];
};

describe('the history of a torture run', () => {
  const live = write();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');

  it('has a line of JSON for each operation, with its times, process, record, tier and outcome', () => {
    const operations = lines.map(parseLine).filter((line) => line.type === 'operation');
    expect(operations).toHaveLength(7);
    expect(operations[0]).toMatchObject({ kind: 'write', key: 'user u1', status: 503, outcome: 'unknown' });
    expect(operations[1]).toMatchObject({ process: 'psql', kind: 'write', version: 2, outcome: 'ok' });
    expect(operations[2]).toMatchObject({
      invokedMs: 1000,
      completedMs: 1005.25,
      process: '1.0',
      kind: 'read',
      key: 'user u1',
      version: 1,
      value: 'm1',
      source: 'memory',
      outcome: 'ok',
    });
  });

  it('says, judged alone, what the run said', async () => {
    const judgements = await judgeFile(file);
    expect(judgements.map(({ violations }) => violations)).toEqual(live);
    expect(judgements.every(isSame)).toBe(true);
    expect(live.map((found) => found.map(({ kind }) => kind))).toEqual([
      ['stale', 'wrong owner', 'error'],
      ['stale', 'error', 'error'],
    ]);
  });

  it('is not what the run said where an operation was changed', async () => {
    const honest = join(folder, 'honest.jsonl');
    writeFileSync(honest, lines.join('\n').replaceAll('"version":1,"username"', '"version":2,"username"'));
    expect((await judgeFile(honest)).every(isSame)).toBe(false);
  });

  it.each([
    ['ends in the middle', (all: readonly string[]) => all.slice(0, -1)],
    ['begins in the middle', (all: readonly string[]) => all.slice(1)],
    ['has another format', (all: readonly string[]) => ['{"type":"run","format":2}', ...all.slice(1)]],
    ['has a line of another kind', (all: readonly string[]) => [...all.slice(0, 2), '{}', ...all.slice(2)]],
  ])('is refused if it %s', async (_what, spoil) => {
    const spoilt = join(folder, 'spoilt.jsonl');
    writeFileSync(spoilt, spoil(lines).join('\n'));
    await expect(judgeFile(spoilt)).rejects.toThrow(TypeError);
  });
});
