import { expect, it } from 'vitest';
import { applyContactPatch } from '../../domain/contact.ts';
import { applyPatch, deactivated, maxVersion, revokeTokens } from '../../domain/user.ts';
import { contact, user } from '../support/fixtures.ts';

it('after the last version that a column holds comes the first, also of those that revoke tokens', () => {
  const last = user(1, { version: maxVersion, tokenVersion: maxVersion });
  expect(applyPatch(last, { bio: 'new' }, 0)).toMatchObject({ version: 1, tokenVersion: maxVersion });
  for (const revoked of [revokeTokens(last, 0), deactivated(last, 0)])
    expect(revoked).toMatchObject({ version: 1, tokenVersion: 1 });
  expect(applyContactPatch(contact(1, last.id, { version: maxVersion }), {}, 0).version).toBe(1);
  expect(applyPatch(user(1, { version: maxVersion - 1 }), {}, 0).version).toBe(maxVersion);
});
