import { type Failure, invalidInput } from '../../domain/failures.ts';
import { parseUserId } from '../../domain/identifiers.ts';
import { fail, ok } from '../../domain/result.ts';
import { checkVersion, roles, withRole } from '../../domain/user.ts';
import type { SetRole } from '../application.ts';
import { changeUser } from './change-user.ts';
import type { ChangeUserAsAdminNeeds } from './deactivate-user.ts';

/** A lower role takes effect at once, on every instance, before this resolves. */
export const setRole =
  ({ writes, clock }: ChangeUserAsAdminNeeds): SetRole =>
  async (userId, roleName, expectedVersion) => {
    const role = roles.find((known) => known === roleName);
    if (role === undefined) {
      const detail = `one of ${roles.join(', ')} is expected`;
      return fail(invalidInput([{ path: ['role'], code: 'invalid-format', detail }]));
    }
    const id = parseUserId(userId);
    if (!id.ok) return fail({ code: 'user-not-found' });
    return changeUser<Failure<'last-admin' | 'version-conflict'>>(writes, id.value, {
      kind: 'security',
      costsAdmin: true,
      decide: (account, otherAdmins) => {
        const { user } = account;
        const version = checkVersion(user, expectedVersion);
        if (!version.ok) return version;
        if (user.role === role) return ok(account);
        if (user.role === 'admin' && user.isActive && otherAdmins === 0) return fail({ code: 'last-admin' });
        return ok({ ...account, user: withRole(user, role, clock.nowMs()) });
      },
    });
  };
