import type { Contact } from '../../domain/contact.ts';
import type { Failure } from '../../domain/failures.ts';
import { parseContactId, type UserId } from '../../domain/identifiers.ts';
import type { ContactTransaction } from '../../domain/ports/persistence.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { checkVersion } from '../../domain/user.ts';
import type { Writes } from '../writes.ts';

export type WriteContactFailure = Failure<'user-not-found' | 'contact-not-found' | 'version-conflict'>;

export type ContactWrite<T> = {
  readonly ownerId: UserId;
  readonly contactId: string;
  readonly expectedVersion: number | undefined;
  /** The change itself, behind the fences of the contact and its owner's list. */
  readonly write: (contact: Contact, contacts: ContactTransaction) => Promise<T>;
};

/** Changes or removes one contact under its owner's lock. */
export const writeContact = async <T>(
  writes: Writes,
  { ownerId, contactId, expectedVersion, write }: ContactWrite<T>,
): Promise<Result<T, WriteContactFailure>> => {
  const id = parseContactId(contactId);
  if (!id.ok) return fail({ code: 'contact-not-found' });
  return writes.run<T, WriteContactFailure>(async ({ users, contacts }, raiseFences) => {
    if ((await users.lock(ownerId)) === undefined) return fail({ code: 'user-not-found' });
    const contact = await contacts.find(ownerId, id.value);
    if (contact === undefined) return fail({ code: 'contact-not-found' });
    const version = checkVersion(contact, expectedVersion);
    if (!version.ok) return version;
    await raiseFences([{ kind: 'contact', ownerId, contactId: contact.id }]);
    return ok(await write(contact, contacts));
  }, ownerId);
};
