import type { DeactivateUser } from '../application.ts';
import { deactivate } from './deactivation.ts';
import { secureUserById, type UserChangeNeeds } from './user-change.ts';

export const deactivateUser =
  ({ writes, clock }: UserChangeNeeds): DeactivateUser =>
  (userId) =>
    secureUserById(writes, userId, {
      costsAdmin: true,
      decide: (account, otherAdmins) => deactivate(account, otherAdmins, clock.nowMs()),
    });
