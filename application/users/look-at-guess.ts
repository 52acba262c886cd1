import type { Failure } from '../../domain/failures.ts';
import type { UserAlias } from '../../domain/identifiers.ts';
import type { Guess, LoginThrottle } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { User } from '../../domain/user.ts';

/**
 * Looks at a guess at a password, if the throttle lets it. A refused one gets the same look, at nothing: every path costs
 * one verification, so that the time tells nothing and waiting out a limit is as dear as guessing.
 */
export const lookAtGuess = async <T>(
  throttle: LoginThrottle,
  guess: Guess,
  look: (isAdmitted: boolean) => Promise<T>,
): Promise<Result<T, Failure<'too-many-attempts'>>> => {
  const retryAfterMs = await throttle.admit(guess);
  if (retryAfterMs !== undefined) {
    await look(false);
    return fail({ code: 'too-many-attempts', retryAfterMs });
  }
  try {
    return ok(await look(true));
  } catch (fault) {
    // A server that is overloaded must not lock out those who come back as it told them to. If the counters are the
    // part that is down, the guess stays counted.
    await throttle.withdraw(guess).catch(() => undefined);
    throw fault;
  }
};

export const nameOf = ({ kind, value }: UserAlias): string => `${kind}:${value}`;

/** Every name by which somebody could guess at this user's password. */
export const namesOf = (user: User): readonly string[] => [
  nameOf({ kind: 'email', value: user.email }),
  nameOf({ kind: 'username', value: user.username }),
  ...(user.phone === null ? [] : [nameOf({ kind: 'phone', value: user.phone })]),
];
