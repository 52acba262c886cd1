import type { IdentifierTaken, InvalidInput } from '../../domain/failures.ts';
import { invalidInput } from '../../domain/failures.ts';
import { parseEmail, parsePhone, parseUserId, parseUsername } from '../../domain/identifiers.ts';
import { type PasswordRules, parseNewPassword } from '../../domain/password.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import type { PasswordHasher } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { collect, nullable } from '../../domain/text.ts';
import { type Account, newUser, parseName, type Role } from '../../domain/user.ts';
import type { RegisterInput } from '../application.ts';
import type { Writes } from '../writes.ts';

export type AccountCreationNeeds = {
  readonly writes: Writes;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly passwordRules: PasswordRules;
};

/**
 * Parses, hashes and inserts. All issues are reported at once; a password is compared with those identifiers that could
 * be parsed.
 */
export const createAccount = async (
  { writes, hasher, clock, ids, passwordRules }: AccountCreationNeeds,
  input: RegisterInput,
  role: Role,
): Promise<Result<Account, InvalidInput | IdentifierTaken>> => {
  const email = parseEmail(input.email);
  const username = parseUsername(input.username);
  const parsed = collect({
    email,
    username,
    password: parseNewPassword(input.password, passwordRules, {
      email: email.ok ? email.value : '',
      username: username.ok ? username.value : '',
    }),
    phone: nullable(input.phone ?? null, parsePhone),
    name: nullable(input.name ?? null, parseName),
  });
  if (!parsed.ok) return fail(invalidInput(parsed.error));
  const { password, ...fields } = parsed.value;
  const id = parseUserId(ids.uuid());
  if (!id.ok) throw new TypeError('Ids.uuid() must make UUIDs');
  const passwordHash = await hasher.hash(password);
  const account: Account = { user: newUser(id.value, fields, clock.nowMs(), role), passwordHash };
  return writes.run(async (transaction, raiseFences) => {
    // No old version is cached, but somebody may be looking for this id and hold the lease to fill it.
    await raiseFences([{ kind: 'user', userId: account.user.id }]);
    const inserted = await transaction.users.insert(account);
    return inserted.ok ? ok(account) : inserted;
  }, 'nobody');
};
