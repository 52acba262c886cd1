import { type Failure, invalidInput } from '../../domain/failures.ts';
import { type PasswordRules, parseNewPassword } from '../../domain/password.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import type { AccessTokens } from '../../domain/ports/security.ts';
import { fail, ok } from '../../domain/result.ts';
import { collect } from '../../domain/text.ts';
import { checkVersion, revokeTokens } from '../../domain/user.ts';
import type { ChangePassword } from '../application.ts';
import type { Writes } from '../writes.ts';
import { type CheckPasswordNeeds, checkPassword, isStill } from './password-check.ts';
import { openSession } from './session.ts';
import { secureUser } from './user-change.ts';

export type ChangePasswordNeeds = CheckPasswordNeeds & {
  readonly writes: Writes;
  readonly tokens: AccessTokens;
  readonly clock: Clock;
  readonly passwordRules: PasswordRules;
};

export const changePassword =
  (needs: ChangePasswordNeeds): ChangePassword =>
  async (userId, { currentPassword, newPassword, origin }, expectedVersion) => {
    const user = await needs.users.find({ kind: 'id', value: userId });
    if (user === undefined) return fail({ code: 'user-not-found' });
    const parsed = collect({ newPassword: parseNewPassword(newPassword, needs.passwordRules, user) });
    if (!parsed.ok) return fail(invalidInput(parsed.error));
    const checked = await checkPassword(needs, userId, currentPassword, origin);
    if (!checked.ok) return checked;
    const passwordHash = await needs.hasher.hash(parsed.value.newPassword);
    const changed = await secureUser<Failure<'wrong-password' | 'version-conflict'>>(needs.writes, userId, {
      decide: (account) => {
        if (!isStill(account, checked.value)) return fail({ code: 'wrong-password' });
        const version = checkVersion(account.user, expectedVersion);
        if (!version.ok) return version;
        return ok({ user: revokeTokens(account.user, needs.clock.nowMs()), passwordHash });
      },
    });
    if (!changed.ok) return changed;
    const { value, confirmation } = changed.value;
    return ok({ ...(await openSession(needs.tokens, value)), confirmation });
  };
