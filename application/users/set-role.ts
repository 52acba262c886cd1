import { type Failure, invalidInput } from '../../domain/failures.ts';
import { fail, ok } from '../../domain/result.ts';
import { checkVersion, isLastAdmin, roles, withRole } from '../../domain/user.ts';
import type { SetRole } from '../application.ts';
import { secureUserById, type UserChangeNeeds } from './user-change.ts';

/** A lower role takes effect at once, on every instance, before this resolves. */
export const setRole =
  ({ writes, clock }: UserChangeNeeds): SetRole =>
  async (userId, roleName, expectedVersion) => {
    const role = roles.find((known) => known === roleName);
    if (role === undefined) {
      const detail = `one of ${roles.join(', ')} is expected`;
      return fail(invalidInput([{ path: ['role'], code: 'invalid-format', detail }]));
    }
    return secureUserById<Failure<'last-admin' | 'version-conflict'>>(writes, userId, {
      costsAdmin: true,
      decide: (account, otherAdmins) => {
        const { user } = account;
        const version = checkVersion(user, expectedVersion);
        if (!version.ok) return version;
        if (user.role === role) return ok(account);
        if (isLastAdmin(user, otherAdmins)) return fail({ code: 'last-admin' });
        return ok({ ...account, user: withRole(user, role, clock.nowMs()) });
      },
    });
  };
