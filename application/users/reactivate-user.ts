import { parseUserId } from '../../domain/identifiers.ts';
import { fail, ok } from '../../domain/result.ts';
import { reactivated } from '../../domain/user.ts';
import type { ChangeUserAsAdmin } from '../application.ts';
import { changeUser } from './change-user.ts';
import type { ChangeUserAsAdminNeeds } from './deactivate-user.ts';

/** Log-in works again; tokens from before the deactivation do not. */
export const reactivateUser =
  ({ writes, clock }: ChangeUserAsAdminNeeds): ChangeUserAsAdmin =>
  async (userId) => {
    const id = parseUserId(userId);
    if (!id.ok) return fail({ code: 'user-not-found' });
    return changeUser(writes, id.value, {
      kind: 'ordinary',
      decide: (account) =>
        ok(account.user.isActive ? account : { ...account, user: reactivated(account.user, clock.nowMs()) }),
    });
  };
