import type { Failure } from '../../domain/failures.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail, ok } from '../../domain/result.ts';
import type { DeactivateSelf } from '../application.ts';
import type { Writes } from '../writes.ts';
import { deactivate } from './deactivation.ts';
import { type CheckPasswordNeeds, checkPassword, isStill } from './password-check.ts';
import { secureUser } from './user-change.ts';

export type DeactivateSelfNeeds = CheckPasswordNeeds & {
  readonly writes: Writes;
  readonly clock: Clock;
};

export const deactivateSelf =
  (needs: DeactivateSelfNeeds): DeactivateSelf =>
  async (userId, { password, origin }) => {
    const checked = await checkPassword(needs, userId, password, origin);
    if (!checked.ok) return checked;
    const changed = await secureUser<Failure<'wrong-password' | 'last-admin'>>(needs.writes, userId, {
      costsAdmin: true,
      decide: (account, otherAdmins) =>
        isStill(account, checked.value)
          ? deactivate(account, otherAdmins, needs.clock.nowMs())
          : fail({ code: 'wrong-password' }),
    });
    return changed.ok ? ok({ confirmation: changed.value.confirmation }) : changed;
  };
