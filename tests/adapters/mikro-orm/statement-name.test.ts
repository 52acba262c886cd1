import { describe, expect, it } from 'vitest';
import { namesFor, StatementNames, statementName } from '../../../adapters/mikro-orm/statement-name.ts';

it('is that of the text, in every process, and fits into a name of PostgreSQL', () => {
  const name = statementName('select $1');
  expect(name).toBe(statementName('select $1'));
  expect(name).not.toBe(statementName('select $2'));
  // NAMEDATALEN: longer ones are cut, and might meet.
  expect(Buffer.byteLength(name)).toBeLessThan(64);
});

describe('the names of a process', () => {
  it('are the same for all until one is out of date, and new ones then, once', () => {
    const names = new StatementNames();
    const before = names.nameOf('select $1') ?? '';
    expect(before).toBe(statementName('select $1'));
    names.giveUp(before);
    const after = names.nameOf('select $1');
    expect(after).not.toBe(before);
    // Another connection meets the same change later.
    names.giveUp(before);
    expect(names.nameOf('select $1')).toBe(after);
    expect(Buffer.byteLength(after ?? '')).toBeLessThan(64);
  });

  it('are bounded in number, and none where connections are not our own', () => {
    const names = new StatementNames();
    const given = Array.from({ length: 100 }, (_, n) => names.nameOf(`select ${n}`));
    expect(given.filter((name) => name !== undefined)).toHaveLength(64);
    names.stop();
    expect(names.nameOf('select 1')).toBeUndefined();
    expect(namesFor({ pooling: 'transaction' }).nameOf('select 1')).toBeUndefined();
    expect(namesFor({}).nameOf('select 1')).toBeDefined();
  });
});
