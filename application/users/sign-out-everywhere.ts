import { ok } from '../../domain/result.ts';
import { revokeTokens } from '../../domain/user.ts';
import type { SignOutEverywhere } from '../application.ts';
import { secureUser, type UserChangeNeeds } from './user-change.ts';

export const signOutEverywhere =
  ({ writes, clock }: UserChangeNeeds): SignOutEverywhere =>
  async (userId) => {
    const changed = await secureUser<never>(writes, userId, {
      decide: (account) => ok({ ...account, user: revokeTokens(account.user, clock.nowMs()) }),
    });
    return changed.ok ? ok({ confirmation: changed.value.confirmation }) : changed;
  };
