import type { Clock } from '../../domain/ports/runtime.ts';
import { ok } from '../../domain/result.ts';
import { revokeTokens } from '../../domain/user.ts';
import type { SignOutEverywhere } from '../application.ts';
import type { FencedWrites } from '../caching/protocol.ts';
import { changeUser } from './change-user.ts';

export type SignOutEverywhereNeeds = { readonly writes: FencedWrites; readonly clock: Clock };

export const signOutEverywhere =
  ({ writes, clock }: SignOutEverywhereNeeds): SignOutEverywhere =>
  async (userId) => {
    const changed = await changeUser<never>(writes, userId, {
      kind: 'security',
      decide: (account) => ok({ ...account, user: revokeTokens(account.user, clock.nowMs()) }),
    });
    return changed.ok ? ok(undefined) : changed;
  };
