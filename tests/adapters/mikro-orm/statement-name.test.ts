import { expect, it } from 'vitest';
import { statementName } from '../../../adapters/mikro-orm/statement-name.ts';

it('is that of the text, in every process, and fits into a name of PostgreSQL', () => {
  const name = statementName('select $1');
  expect(name).toBe(statementName('select $1'));
  expect(name).not.toBe(statementName('select $2'));
  // NAMEDATALEN: longer ones are cut, and might meet.
  expect(Buffer.byteLength(name)).toBeLessThan(64);
});
