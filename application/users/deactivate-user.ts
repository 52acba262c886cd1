import type { Failure } from '../../domain/failures.ts';
import { parseUserId } from '../../domain/identifiers.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type Account, deactivated } from '../../domain/user.ts';
import type { ChangeUserAsAdmin } from '../application.ts';
import type { FencedWrites } from '../caching/protocol.ts';
import { changeUser } from './change-user.ts';

export type ChangeUserAsAdminNeeds = { readonly writes: FencedWrites; readonly clock: Clock };

export const deactivateUser =
  ({ writes, clock }: ChangeUserAsAdminNeeds): ChangeUserAsAdmin =>
  async (userId) => {
    const id = parseUserId(userId);
    if (!id.ok) return fail({ code: 'user-not-found' });
    return changeUser(writes, id.value, {
      kind: 'security',
      costsAdmin: true,
      decide: (account, otherAdmins) => deactivate(account, otherAdmins, clock.nowMs()),
    });
  };

/** The last active administrator stays: otherwise nobody could bring anybody back. */
export const deactivate = (
  account: Account,
  otherAdmins: number,
  nowMs: number,
): Result<Account, Failure<'last-admin'>> => {
  const { user } = account;
  if (!user.isActive) return ok(account);
  if (user.role === 'admin' && otherAdmins === 0) return fail({ code: 'last-admin' });
  return ok({ ...account, user: deactivated(user, nowMs) });
};
