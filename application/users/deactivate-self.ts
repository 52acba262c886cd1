import type { Failure } from '../../domain/failures.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail, ok } from '../../domain/result.ts';
import type { DeactivateSelf } from '../application.ts';
import type { FencedWrites } from '../caching/protocol.ts';
import { changeUser } from './change-user.ts';
import { type CheckPasswordNeeds, checkPassword, isStill } from './check-password.ts';
import { deactivate } from './deactivate-user.ts';

export type DeactivateSelfNeeds = CheckPasswordNeeds & {
  readonly writes: FencedWrites;
  readonly clock: Clock;
};

export const deactivateSelf =
  (needs: DeactivateSelfNeeds): DeactivateSelf =>
  async (userId, { password, origin }) => {
    const checked = await checkPassword(needs, userId, password, origin);
    if (!checked.ok) return checked;
    const changed = await changeUser<Failure<'wrong-password' | 'last-admin'>>(needs.writes, userId, {
      kind: 'security',
      costsAdmin: true,
      decide: (account, otherAdmins) =>
        isStill(account, checked.value)
          ? deactivate(account, otherAdmins, needs.clock.nowMs())
          : fail({ code: 'wrong-password' }),
    });
    return changed.ok ? ok(undefined) : changed;
  };
