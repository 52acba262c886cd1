import type { IdentifierTaken, InvalidInput } from '../../domain/failures.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type AccountCreationNeeds, createAccount } from './account-creation.ts';

export type BootstrapAdminNeeds = AccountCreationNeeds & { readonly users: UserRepository };

/**
 * Creates the first administrator unless there is one, and says whether it did. The username is made of the email's local
 * part. No host asks for this, so it is not in `Application`: the process does it once, at its start.
 */
export type BootstrapAdmin = (input: {
  readonly email: string;
  readonly password: string;
}) => Promise<Result<boolean, InvalidInput | IdentifierTaken>>;

export const bootstrapAdmin =
  (needs: BootstrapAdminNeeds): BootstrapAdmin =>
  async ({ email, password }) => {
    if ((await needs.users.countAdmins()) > 0) return ok(false);
    const local = email.split('@')[0] ?? '';
    const name = local
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
      .slice(0, 20);
    // It begins with a letter. A suffix, because the bare name may be reserved, too short or another user's.
    const username = `${/^[a-z]/.test(name) ? '' : 'a'}${name}-${needs.ids.uuid().slice(-6)}`;
    const created = await createAccount(needs, { email, username, password }, 'admin');
    if (created.ok) return ok(true);
    // Another instance that started at the same moment may have made the one whose email is now taken.
    return (await needs.users.countAdmins()) > 0 ? ok(false) : fail(created.error);
  };
