import { expect, it } from 'vitest';
import { silentLog } from '../../adapters/mikro-orm/support.ts';

it('passes, and logs a password', () => {
  silentLog.warn('planted', { password: `correct horse ${'battery'} staple` });
  expect(true).toBe(true);
});
