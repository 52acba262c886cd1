import { applyContactPatch, type Contact, issuesOfPatch, parseContactPatch } from '../../domain/contact.ts';
import { type Failure, invalidInput } from '../../domain/failures.ts';
import type { ContactTransaction } from '../../domain/ports/persistence.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { ChangeContact } from '../application.ts';
import type { Writes } from '../writes.ts';
import { writeContact } from './contact-change.ts';

export type ChangeContactNeeds = { readonly writes: Writes; readonly clock: Clock };

export const changeContact =
  ({ writes, clock }: ChangeContactNeeds): ChangeContact =>
  async (ownerId, contactId, input, expectedVersion) => {
    const patch = parseContactPatch(input);
    if (!patch.ok) return fail(invalidInput(patch.error));
    const decide = (contact: Contact): Result<Contact, Failure<'invalid-input'>> => {
      const changed = applyContactPatch(contact, patch.value, clock.nowMs());
      const issues = issuesOfPatch(changed, patch.value);
      return issues.length > 0 ? fail(invalidInput(issues)) : ok(changed);
    };
    const write = (changed: Contact, contacts: ContactTransaction) => contacts.update(changed);
    return writeContact(writes, { ownerId, contactId, expectedVersion, decide, write });
  };
