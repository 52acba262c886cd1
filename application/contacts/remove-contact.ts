import type { RemoveContact } from '../application.ts';
import type { FencedWrites } from '../caching/protocol.ts';
import { writeContact } from './write-contact.ts';

export const removeContact =
  (writes: FencedWrites): RemoveContact =>
  (ownerId, contactId, expectedVersion) =>
    writeContact<undefined>(writes, {
      ownerId,
      contactId,
      expectedVersion,
      write: async (contact, contacts) => {
        await contacts.delete(ownerId, contact.id);
      },
    });
