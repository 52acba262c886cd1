import { describe, expect, it } from 'vitest';
import type { Audit, ContactChange, UserVersion } from './audit.ts';
import { Checker } from './checker.ts';
import type { Call, Fact, Source, UserRead, UserWrite, ViolationKind } from './facts.ts';
import { bounds } from './world.ts';

const { maxStalenessMs, boundMs } = bounds;
const id = 'u1';

const call = (startMs: number, source: Source = 'redis', server = '1.0'): Call => ({
  name: 'test',
  server,
  startMs,
  endMs: startMs + 5,
  status: 200,
  source,
});

const userVersion = (
  version: number,
  by: UserVersion['by'],
  changes: Partial<UserVersion> = {},
): UserVersion => ({
  version,
  atMs: version * 10,
  by,
  email: 'a@example.com',
  username: 'ada',
  phone: null,
  marker: `m${version}`,
  active: true,
  tokenVersion: 1,
  ...changes,
});

const change = (
  contactId: string,
  version: number | 'removed',
  at: number,
  by: UserVersion['by'] = 'server',
): ContactChange => ({
  atMs: at * 10,
  by,
  contactId,
  version,
  marker: version === 'removed' ? null : `c${version}`,
  createdAt: contactId,
});

const audit = (users: readonly UserVersion[], changes: readonly ContactChange[] = []): Audit => ({
  users: new Map([[id, users]]),
  lists: new Map([[id, changes]]),
  wakes: [],
});

const write = (version: number, ackMs: number, more: Partial<UserWrite> = {}): UserWrite => ({
  type: 'user-write',
  call: { ...call(ackMs - 5, 'unknown', '0.0') },
  id,
  version,
  tokenVersionBefore: 1,
  security: false,
  ...more,
});

const read = (version: number, startMs: number, source: Source, more: Partial<UserRead> = {}): UserRead => ({
  type: 'user-read',
  call: call(startMs, source),
  key: { kind: 'id', value: id },
  id,
  version,
  username: 'ada',
  email: 'a@example.com',
  phone: null,
  marker: `m${version}`,
  ...more,
});

const judge = (log: Audit, facts: readonly Fact[], keepsFences = true): readonly ViolationKind[] =>
  new Checker(bounds).judge(log, facts, keepsFences).map(({ kind }) => kind);

describe('the checker of the torture run', () => {
  const fenced = audit([userVersion(1, 'server'), userVersion(2, 'server')]);
  const logged = audit([userVersion(1, 'server'), userVersion(2, 'psql')]);
  const acknowledgedAtMs = 1000;
  const at = (ms: number) => acknowledgedAtMs + ms;

  it.each<[string, Audit, UserRead, readonly ViolationKind[]]>([
    ['an old version from Redis right after', fenced, read(1, at(1), 'redis'), ['stale']],
    ['the new version from Redis', fenced, read(2, at(1), 'redis'), []],
    ['an old version, asked for before', fenced, read(1, at(-1), 'redis'), []],
    ['an old version from the database', fenced, read(1, at(1), 'database'), ['stale']],
    ['memory within its bound', fenced, read(1, at(maxStalenessMs), 'memory'), []],
    ['memory past its bound', fenced, read(1, at(maxStalenessMs + 1), 'memory'), ['stale']],
    [
      'a source that is not told past the bound of memory',
      fenced,
      read(1, at(maxStalenessMs + 1), 'unknown'),
      ['stale'],
    ],
    ['a change by psql within the bound', logged, read(1, at(boundMs), 'redis'), []],
    ['a change by psql past the bound', logged, read(1, at(boundMs + 1), 'redis'), ['stale']],
    ['a change by psql, memory past the bound', logged, read(1, at(boundMs + 1), 'memory'), ['stale']],
    ['a change by psql and the database', logged, read(1, at(1), 'database'), ['stale']],
  ])('judges %s', (_what, log, seen, expected) => {
    expect(judge(log, [write(2, acknowledgedAtMs), seen])).toEqual(expected);
  });

  it('grants a process no bound for what it acknowledged itself', () => {
    const own = { ...read(1, at(1), 'memory'), call: call(at(1), 'memory', '0.0') };
    expect(judge(logged, [write(2, acknowledgedAtMs), own])).toEqual(['stale']);
  });

  it('grants the bound to a writer that woke the others, and to everybody where fences are lost', () => {
    const facts = (ms: number) => [write(2, acknowledgedAtMs), read(1, at(ms), 'redis')];
    const woken = { ...fenced, wakes: [at(100)] };
    expect(judge(woken, facts(1))).toEqual([]);
    expect(judge(woken, facts(boundMs + 1))).toEqual(['stale']);
    expect(judge(fenced, facts(1), false)).toEqual([]);
    expect(judge(fenced, facts(boundMs + 1), false)).toEqual(['stale']);
    expect(judge({ ...fenced, wakes: [at(5000)] }, facts(1))).toEqual(['stale']);
  });

  it('lets no reader see old what another one saw new, unless fences may have been lost', () => {
    const facts = [read(2, 500, 'database'), read(1, 600, 'redis')];
    expect(judge(fenced, facts)).toEqual(['stale']);
    expect(judge(fenced, facts, false)).toEqual([]);
    const late = [read(2, 500, 'database'), read(1, 506 + boundMs, 'redis')];
    expect(judge(fenced, late, false)).toEqual(['stale']);
  });

  it('remembers floors from one judgement to the next', () => {
    const checker = new Checker(bounds);
    expect(checker.judge(fenced, [write(2, acknowledgedAtMs)], true)).toEqual([]);
    expect(checker.judge(fenced, [read(1, at(1), 'redis')], true)).toHaveLength(1);
  });

  it('finds an acknowledged write that the database does not have, or has otherwise', () => {
    expect(judge(fenced, [write(3, acknowledgedAtMs)])).toEqual(['lost write']);
    expect(judge(fenced, [write(2, acknowledgedAtMs, { marker: 'another' })])).toEqual(['lost write']);
    const signOut: UserWrite = { ...write(2, acknowledgedAtMs), version: undefined };
    expect(judge(fenced, [signOut])).toEqual(['lost write']);
  });

  it('finds another user than was asked for, and one that never was like this', () => {
    expect(
      judge(fenced, [read(2, 500, 'redis', { key: { kind: 'email', value: 'b@example.com' } })]),
    ).toEqual(['wrong owner']);
    expect(judge(fenced, [read(2, 500, 'redis', { username: 'eve' })])).toEqual(['wrong owner']);
    expect(judge(fenced, [read(7, 500, 'redis')])).toEqual(['wrong owner']);
  });

  it('refuses an old token from the acknowledgement on, from memory too, and not before', () => {
    const log = audit([userVersion(1, 'server'), userVersion(2, 'psql', { tokenVersion: 2 })]);
    const revoked = write(2, acknowledgedAtMs, { security: true });
    const use = (startMs: number, tokenVersion: number, accepted: boolean): Fact => ({
      type: 'token-use',
      call: call(startMs, 'memory'),
      userId: id,
      tokenVersion,
      accepted,
    });
    expect(judge(log, [revoked, use(at(1), 1, true)])).toEqual(['old token']);
    expect(judge(log, [revoked, use(at(1), 1, false)])).toEqual([]);
    expect(judge(log, [revoked, use(at(-10), 1, true)])).toEqual([]);
    expect(judge(log, [revoked, use(at(1), 2, true)])).toEqual([]);
    expect(judge(log, [revoked, use(at(1), 2, false)])).toEqual(['wrongly refused']);
    expect(judge(log, [revoked, read(1, at(1), 'memory')])).toEqual(['stale']);
  });

  it('finds that somebody who is there was not found', () => {
    const missing = (kind: 'username' | 'id', value: string, startMs: number): Fact => ({
      type: 'user-missing',
      call: call(startMs, 'unknown'),
      key: { kind, value },
      id,
      hidesInactive: true,
    });
    const moved = audit([userVersion(1, 'server'), userVersion(2, 'server', { username: 'lovelace' })]);
    const facts = [write(2, acknowledgedAtMs)];
    expect(judge(moved, [...facts, missing('username', 'lovelace', at(1))])).toEqual(['wrongly refused']);
    expect(judge(moved, [...facts, missing('username', 'ada', at(1))])).toEqual([]);
    const inactive = audit([userVersion(1, 'server'), userVersion(2, 'server', { active: false })]);
    expect(judge(inactive, [...facts, missing('id', id, at(1))])).toEqual([]);
    expect(judge(fenced, [...facts, missing('id', id, at(1))])).toEqual(['wrongly refused']);
  });

  describe('on contacts', () => {
    const log = audit(
      [],
      [change('c1', 1, 1), change('c2', 1, 2), change('c1', 2, 3), change('c2', 'removed', 4)],
    );
    const acknowledge = (contactId: string, version: number | 'removed', ackMs: number): Fact => ({
      type: 'contact-write',
      call: call(ackMs - 5, 'unknown', '0.0'),
      ownerId: id,
      id: contactId,
      version,
    });
    const page = (
      startMs: number,
      total: number,
      ...items: readonly (readonly [string, number])[]
    ): Fact => ({
      type: 'page-read',
      call: call(startMs, 'redis'),
      ownerId: id,
      skip: 0,
      limit: 20,
      total,
      items: items.map(([contactId, version]) => ({ id: contactId, version })),
    });
    const removed = [acknowledge('c1', 2, 500), acknowledge('c2', 'removed', acknowledgedAtMs)];

    it('finds an old page, and a page that never was', () => {
      expect(judge(log, [...removed, page(at(1), 1, ['c1', 2])])).toEqual([]);
      expect(judge(log, [...removed, page(at(1), 2, ['c2', 1], ['c1', 2])])).toEqual(['stale']);
      expect(judge(log, [...removed, page(at(-100), 2, ['c2', 1], ['c1', 2])])).toEqual([]);
      expect(judge(log, [page(at(1), 2, ['c1', 2], ['c2', 1])])).toEqual(['wrong owner']);
      expect(judge(log, [page(at(1), 1, ['c9', 1])])).toEqual(['wrong owner']);
    });

    it('finds a contact that is old, removed, missing or another', () => {
      const contact = (startMs: number, contactId: string, version: number): Fact => ({
        type: 'contact-read',
        call: call(startMs, 'redis'),
        ownerId: id,
        askedId: 'c2',
        id: contactId,
        version,
        marker: `c${version}`,
      });
      expect(judge(log, [...removed, contact(at(-100), 'c2', 1)])).toEqual([]);
      expect(judge(log, [...removed, contact(at(1), 'c2', 1)])).toEqual(['stale']);
      expect(judge(log, [...removed, contact(at(1), 'c1', 1)])).toEqual(['wrong owner']);
      const missing = (contactId: string): Fact => ({
        type: 'contact-missing',
        call: call(at(1), 'database'),
        ownerId: id,
        id: contactId,
      });
      expect(judge(log, [...removed, missing('c2')])).toEqual([]);
      expect(judge(log, [...removed, missing('c1')])).toEqual(['wrongly refused']);
    });
  });
});
