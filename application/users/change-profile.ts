import { type Failure, invalidInput } from '../../domain/failures.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail, ok } from '../../domain/result.ts';
import { applyPatch, checkVersion, parseUserPatch } from '../../domain/user.ts';
import type { ChangeProfile } from '../application.ts';
import type { Writes } from '../writes.ts';
import { type CheckPasswordNeeds, checkPassword, isStill } from './password-check.ts';
import { changeIdentity } from './user-change.ts';

export type ChangeProfileNeeds = CheckPasswordNeeds & {
  readonly writes: Writes;
  readonly clock: Clock;
};

export const changeProfile =
  (needs: ChangeProfileNeeds): ChangeProfile =>
  async (userId, { currentPassword, origin, ...input }, expectedVersion) => {
    const patch = parseUserPatch(input);
    if (!patch.ok) return fail(invalidInput(patch.error));
    // Whoever holds a stolen token must not take the account over through its email or phone.
    const isGuarded = patch.value.email !== undefined || patch.value.phone !== undefined;
    if (isGuarded && currentPassword === undefined) {
      const detail = 'the current password is expected when the email or phone changes';
      return fail(invalidInput([{ path: ['currentPassword'], code: 'required', detail }]));
    }
    // A password that is sent is checked, even if nothing that changes needs one.
    const checked =
      currentPassword === undefined ? undefined : await checkPassword(needs, userId, currentPassword, origin);
    if (checked?.ok === false) return checked;
    return changeIdentity<Failure<'wrong-password' | 'version-conflict'>>(needs.writes, userId, {
      decide: (account) => {
        if (checked !== undefined && !isStill(account, checked.value))
          return fail({ code: 'wrong-password' });
        const version = checkVersion(account.user, expectedVersion);
        if (!version.ok) return version;
        return ok({ ...account, user: applyPatch(account.user, patch.value, needs.clock.nowMs()) });
      },
    });
  };
