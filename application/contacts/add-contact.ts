import { type Contact, maxContactsPerUser, newContact, parseContactDraft } from '../../domain/contact.ts';
import { type Failure, invalidInput } from '../../domain/failures.ts';
import { parseContactId } from '../../domain/identifiers.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import { fail, ok } from '../../domain/result.ts';
import type { AddContact } from '../application.ts';
import type { Writes } from '../writes.ts';

export type AddContactNeeds = { readonly writes: Writes; readonly clock: Clock; readonly ids: Ids };

export const addContact =
  ({ writes, clock, ids }: AddContactNeeds): AddContact =>
  async (ownerId, input) => {
    const draft = parseContactDraft(input);
    if (!draft.ok) return fail(invalidInput(draft.error));
    const id = parseContactId(ids.uuid());
    if (!id.ok) throw new TypeError('Ids.uuid() must make UUIDs');
    return writes.run<Contact, Failure<'user-not-found' | 'contact-limit'>>(
      async (transaction, raiseFences) => {
        // With the owner locked nobody else changes this list, so that the count below is exact.
        const owner = await transaction.users.lock(ownerId);
        if (owner === undefined) return fail({ code: 'user-not-found' });
        const count = await transaction.contacts.count(ownerId);
        if (count >= maxContactsPerUser) return fail({ code: 'contact-limit' });
        const contact = newContact(id.value, ownerId, draft.value, clock.nowMs());
        await raiseFences([{ kind: 'contact', ownerId, contactId: contact.id }]);
        await transaction.contacts.insert(contact);
        return ok(contact);
      },
      ownerId,
    );
  };
