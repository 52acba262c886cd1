import { ok } from '../../domain/result.ts';
import { reactivated } from '../../domain/user.ts';
import type { ReactivateUser } from '../application.ts';
import { changeUserById, type UserChangeNeeds } from './user-change.ts';

/** Log-in works again; tokens from before the deactivation do not. */
export const reactivateUser =
  ({ writes, clock }: UserChangeNeeds): ReactivateUser =>
  (userId) =>
    changeUserById(writes, userId, {
      decide: (account) =>
        ok(account.user.isActive ? account : { ...account, user: reactivated(account.user, clock.nowMs()) }),
    });
