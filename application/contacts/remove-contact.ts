import type { RemoveContact } from '../application.ts';
import type { Writes } from '../writes.ts';
import { writeContact } from './contact-change.ts';

export const removeContact =
  (writes: Writes): RemoveContact =>
  (ownerId, contactId, expectedVersion) =>
    writeContact<undefined>(writes, {
      ownerId,
      contactId,
      expectedVersion,
      write: async (contact, contacts) => {
        await contacts.delete(ownerId, contact.id);
      },
    });
