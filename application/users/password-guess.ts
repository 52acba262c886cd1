import type { Failure } from '../../domain/failures.ts';
import type { UserAlias } from '../../domain/identifiers.ts';
import type { Guess, LoginThrottle } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { User } from '../../domain/user.ts';

/**
 * Checks a guess at a password with `look`, if the throttle admits it. A guess that is refused costs the same, because
 * `look(false)` verifies it against nothing: the time of an answer does not tell which of the two it was.
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
    // Nobody looked at this guess, so it is no failure: whoever tries again later, as an overloaded server asks them to,
    // must not be delayed for it. If it is the counters that are down, it stays counted.
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
