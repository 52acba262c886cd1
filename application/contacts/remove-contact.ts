import type { Contact } from '../../domain/contact.ts';
import { ok } from '../../domain/result.ts';
import type { RemoveContact } from '../application.ts';
import type { Writes } from '../writes.ts';
import { writeContact } from './contact-change.ts';

export const removeContact =
  (writes: Writes): RemoveContact =>
  async (ownerId, contactId, expectedVersion) => {
    const removed = await writeContact(writes, {
      ownerId,
      contactId,
      expectedVersion,
      decide: ok<Contact>,
      write: (contact, contacts) => contacts.delete(ownerId, contact.id),
    });
    return removed.ok ? ok(undefined) : removed;
  };
