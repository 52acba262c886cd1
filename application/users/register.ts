import type { Log } from '../../domain/ports/runtime.ts';
import type { AccessTokens, LoginThrottle } from '../../domain/ports/security.ts';
import { ok } from '../../domain/result.ts';
import type { Register } from '../application.ts';
import { inBackground } from '../background.ts';
import type { UserDirectory } from '../directories.ts';
import { type AccountCreationNeeds, createAccount } from './account-creation.ts';
import { namesOf } from './password-guess.ts';
import { openSession } from './session.ts';

export type RegisterNeeds = AccountCreationNeeds & {
  readonly directory: UserDirectory;
  readonly tokens: AccessTokens;
  readonly throttle: LoginThrottle;
  readonly log: Log;
};

export const register =
  (needs: RegisterNeeds): Register =>
  async ({ origin, ...input }) => {
    const account = await createAccount(needs, input, 'user');
    if (!account.ok) return account;
    const { user } = account.value;
    // An ordinary read, which caches the user: nothing but what was read is ever put into a cache (caching/protocol.ts).
    inBackground(needs.log, 'cache-on-creation', () => needs.directory.find({ kind: 'id', value: user.id }));
    // Where an account was opened is familiar from the start: guesses of strangers must not delay its owner there.
    if (origin !== undefined) {
      const guess = { names: namesOf(user), origin };
      inBackground(needs.log, 'familiar-origin', () => needs.throttle.succeeded(guess));
    }
    return ok(await openSession(needs.tokens, user));
  };
