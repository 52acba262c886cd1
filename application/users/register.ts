import type { IdentifierTaken, InvalidInput } from '../../domain/failures.ts';
import { invalidInput } from '../../domain/failures.ts';
import { parseEmail, parsePhone, parseUserId, parseUsername } from '../../domain/identifiers.ts';
import { type PasswordRules, parseNewPassword } from '../../domain/password.ts';
import type { Clock, Ids, Log } from '../../domain/ports/runtime.ts';
import type { AccessTokens, LoginThrottle, PasswordHasher } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { collect, nullable } from '../../domain/text.ts';
import { type Account, newUser, parseName, type Role } from '../../domain/user.ts';
import type { Register, RegisterInput } from '../application.ts';
import { inBackground } from '../background.ts';
import type { FencedWrites } from '../caching/protocol.ts';
import type { UserDirectory } from '../directories.ts';
import { namesOf } from './look-at-guess.ts';
import { openSession } from './session.ts';

export type CreateAccountNeeds = {
  readonly writes: FencedWrites;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly passwordRules: PasswordRules;
};

export type RegisterNeeds = CreateAccountNeeds & {
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
    // Cached on creation, by an ordinary read: nothing is ever written through.
    inBackground(needs.log, 'cache-on-creation', () => needs.directory.find({ kind: 'id', value: user.id }));
    // Where somebody opened an account is theirs already, before any stranger guesses at it.
    if (origin !== undefined) {
      const guess = { names: namesOf(user), origin };
      inBackground(needs.log, 'familiar-origin', () => needs.throttle.succeeded(guess));
    }
    return ok(await openSession(needs.tokens, user));
  };

/** Parses, hashes and inserts. The password's context is known only once the identifiers are; all issues are reported. */
export const createAccount = async (
  { writes, hasher, clock, ids, passwordRules }: CreateAccountNeeds,
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
  return writes.run('ordinary', async (transaction, raiseFences) => {
    // There is no old version, but a reader that looks for one may hold a lease.
    await raiseFences([{ kind: 'user', userId: account.user.id }]);
    const inserted = await transaction.users.insert(account);
    return inserted.ok ? ok(account) : inserted;
  });
};
