import type { Failure } from '../../domain/failures.ts';
import type { UserId } from '../../domain/identifiers.ts';
import { parsePresentedPassword } from '../../domain/password.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import type { LoginThrottle, PasswordHasher } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type PasswordHash, Secret } from '../../domain/secret.ts';
import type { Account } from '../../domain/user.ts';
import { lookAtGuess, namesOf } from './password-guess.ts';

export type CheckPasswordNeeds = {
  readonly users: UserRepository;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
};

/**
 * Whether a password is the user's present one, as the database has it. Hashing takes long, so it happens before the
 * transaction; `isStill` tells inside of it whether the password was changed meanwhile. A wrong one counts like a failed
 * log-in: whoever comes across an open session must not be able to guess without limit here.
 */
export const checkPassword = async (
  { users, hasher, throttle }: CheckPasswordNeeds,
  userId: UserId,
  password: string,
  origin = '',
): Promise<Result<PasswordHash, Failure<'wrong-password' | 'user-not-found' | 'too-many-attempts'>>> => {
  const account = await users.findAccount({ kind: 'id', value: userId });
  if (account === undefined) return fail({ code: 'user-not-found' });
  const guess = { names: namesOf(account.user), origin };
  const looked = await lookAtGuess(throttle, guess, (isAdmitted) =>
    hasher.verify(isAdmitted ? account.passwordHash : undefined, parsePresentedPassword(password)),
  );
  if (!looked.ok) return looked;
  if (!looked.value) return fail({ code: 'wrong-password' });
  await throttle.succeeded(guess);
  return ok(account.passwordHash);
};

export const isStill = (account: Account, hash: PasswordHash): boolean =>
  Secret.reveal(account.passwordHash) === Secret.reveal(hash);
