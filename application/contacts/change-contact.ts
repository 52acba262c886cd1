import { applyContactPatch, type Contact, parseContactPatch } from '../../domain/contact.ts';
import { invalidInput } from '../../domain/failures.ts';
import type { ContactTransaction } from '../../domain/ports/persistence.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail } from '../../domain/result.ts';
import type { ChangeContact } from '../application.ts';
import type { Writes } from '../writes.ts';
import { writeContact } from './contact-change.ts';

export type ChangeContactNeeds = { readonly writes: Writes; readonly clock: Clock };

export const changeContact =
  ({ writes, clock }: ChangeContactNeeds): ChangeContact =>
  async (ownerId, contactId, input, expectedVersion) => {
    const patch = parseContactPatch(input);
    if (!patch.ok) return fail(invalidInput(patch.error));
    const write = async (contact: Contact, contacts: ContactTransaction): Promise<Contact> => {
      const changed = applyContactPatch(contact, patch.value, clock.nowMs());
      await contacts.update(changed);
      return changed;
    };
    return writeContact(writes, { ownerId, contactId, expectedVersion, write });
  };
