import { parseIdentifier } from '../../domain/identifiers.ts';
import { parsePresentedPassword } from '../../domain/password.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import type { AccessTokens, LoginThrottle, PasswordHasher } from '../../domain/ports/security.ts';
import { fail, ok } from '../../domain/result.ts';
import type { Password } from '../../domain/secret.ts';
import type { Account } from '../../domain/user.ts';
import type { LogIn } from '../application.ts';
import { inBackground } from '../background.ts';
import type { Writes } from '../writes.ts';
import { isStill } from './password-check.ts';
import { lookAtGuess, nameOf, namesOf } from './password-guess.ts';
import { openSession } from './session.ts';
import { changeUser } from './user-change.ts';

/** There is no cache among them: log-in always asks the database. */
export type LogInNeeds = {
  readonly users: UserRepository;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly tokens: AccessTokens;
  readonly writes: Writes;
  readonly log: Log;
};

export const logIn =
  (needs: LogInNeeds): LogIn =>
  async ({ origin = '', ...input }) => {
    const identifier = parseIdentifier(input.identifier);
    const password = parsePresentedPassword(input.password);
    const name = identifier.ok ? nameOf(identifier.value) : `none:${input.identifier}`;
    const looked = await lookAtGuess(needs.throttle, { names: [name], origin }, async (isAdmitted) => {
      const account =
        isAdmitted && identifier.ok ? await needs.users.findAccount(identifier.value) : undefined;
      // Exactly one verification on every path, so that the time does not tell whether the account exists.
      return (await needs.hasher.verify(account?.passwordHash, password)) ? account : undefined;
    });
    if (!looked.ok) return looked;
    const account = looked.value;
    if (account === undefined || password === undefined || !account.user.isActive) {
      return fail({ code: 'invalid-credentials' });
    }
    await needs.throttle.succeeded({ names: namesOf(account.user), origin });
    if (needs.hasher.needsRehash(account.passwordHash)) {
      inBackground(needs.log, 'rehash-password', () => rehash(needs, account, password));
    }
    return ok(await openSession(needs.tokens, account.user));
  };

/** The password is the same, so tokens stay valid and the version does not change. */
const rehash = async (
  { hasher, writes }: LogInNeeds,
  seen: Account,
  password: Password,
): Promise<unknown> => {
  const passwordHash = await hasher.hash(password);
  return changeUser(writes, seen.user.id, {
    decide: (account) => ok(isStill(account, seen.passwordHash) ? { ...account, passwordHash } : account),
  });
};
