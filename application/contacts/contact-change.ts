import type { Contact } from '../../domain/contact.ts';
import type { Failure } from '../../domain/failures.ts';
import { parseContactId, type UserId } from '../../domain/identifiers.ts';
import type { ContactTransaction } from '../../domain/ports/persistence.ts';
import { fail, type Result } from '../../domain/result.ts';
import { checkVersion } from '../../domain/user.ts';
import type { Writes } from '../writes.ts';

export type WriteContactFailure = Failure<'user-not-found' | 'contact-not-found' | 'version-conflict'>;

export type ContactWrite<T, Refused> = {
  readonly ownerId: UserId;
  readonly contactId: string;
  readonly expectedVersion: number | undefined;
  /** What becomes of the contact, or why not. */
  readonly decide: (contact: Contact) => Result<T, Refused>;
  /** The change itself, behind the fences of the contact and its owner's list. */
  readonly write: (decided: T, contacts: ContactTransaction) => Promise<void>;
};

/** Changes or removes one contact under its owner's lock. */
export const writeContact = async <T, Refused = never>(
  writes: Writes,
  { ownerId, contactId, expectedVersion, decide, write }: ContactWrite<T, Refused>,
): Promise<Result<T, WriteContactFailure | Refused>> => {
  const id = parseContactId(contactId);
  if (!id.ok) return fail({ code: 'contact-not-found' });
  return writes.run<T, WriteContactFailure | Refused>(async ({ users, contacts }, raiseFences) => {
    if ((await users.lock(ownerId)) === undefined) return fail({ code: 'user-not-found' });
    const contact = await contacts.find(ownerId, id.value);
    if (contact === undefined) return fail({ code: 'contact-not-found' });
    const version = checkVersion(contact, expectedVersion);
    if (!version.ok) return version;
    const decided = decide(contact);
    if (!decided.ok) return decided;
    await raiseFences([{ kind: 'contact', ownerId, contactId: contact.id }]);
    await write(decided.value, contacts);
    return decided;
  }, ownerId);
};
