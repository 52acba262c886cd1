import {
  type Contact,
  type ContactDraft,
  maxContactsPerUser,
  newContact,
  parseContactDraft,
} from '../../domain/contact.ts';
import { type Failure, invalidInput } from '../../domain/failures.ts';
import { type IdempotencyKey, parseIdempotencyKey, textOfDraft } from '../../domain/idempotency.ts';
import { parseContactId } from '../../domain/identifiers.ts';
import type { Issue } from '../../domain/issue.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import type { Digest } from '../../domain/ports/security.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { collect, optional } from '../../domain/text.ts';
import type { AddContact } from '../application.ts';
import type { Writes } from '../writes.ts';

export type AddContactNeeds = {
  readonly writes: Writes;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digest: Digest;
};

export const addContact =
  ({ writes, clock, ids, digest }: AddContactNeeds): AddContact =>
  async (ownerId, input, idempotencyKey) => {
    const parsed = parseInput(input, idempotencyKey);
    if (!parsed.ok) return fail(invalidInput(parsed.error));
    const { draft, key } = parsed.value;
    const id = parseContactId(ids.uuid());
    if (!id.ok) throw new TypeError('Ids.uuid() must make UUIDs');
    const hashes =
      key === undefined ? undefined : { keyHash: digest(key), draftHash: digest(textOfDraft(key, draft)) };
    return writes.run<Contact, Failure<'user-not-found' | 'contact-limit' | 'idempotency-key-reused'>>(
      async ({ users, contacts, idempotencyKeys }, raiseFences) => {
        // With the owner locked nobody else changes this list, so that the count below is exact, and of several requests
        // with one key the first is committed before the next looks for it.
        const owner = await users.lock(ownerId);
        if (owner === undefined) return fail({ code: 'user-not-found' });
        const kept = hashes && (await idempotencyKeys.find(ownerId, hashes.keyHash));
        if (kept !== undefined) {
          if (kept.draftHash !== hashes?.draftHash) return fail({ code: 'idempotency-key-reused' });
          // Whoever added it may not have known that it was committed, so this is told to the caches once more.
          await raiseFences([{ kind: 'contact', ownerId, contactId: kept.contactId }]);
          return ok(newContact(kept.contactId, ownerId, draft, kept.createdAtMs));
        }
        const count = await contacts.count(ownerId);
        if (count >= maxContactsPerUser) return fail({ code: 'contact-limit' });
        const contact = newContact(id.value, ownerId, draft, clock.nowMs());
        await raiseFences([{ kind: 'contact', ownerId, contactId: contact.id }]);
        await contacts.insert(contact);
        if (hashes !== undefined)
          await idempotencyKeys.keep({
            ownerId,
            ...hashes,
            contactId: contact.id,
            createdAtMs: contact.createdAtMs,
          });
        return ok(contact);
      },
      ownerId,
    );
  };

type Addition = { readonly draft: ContactDraft; readonly key: IdempotencyKey | undefined };

/** All that is wrong with both. */
const parseInput = (
  input: Parameters<AddContact>[1],
  idempotencyKey: string | undefined,
): Result<Addition, readonly Issue[]> => {
  const draft = parseContactDraft(input);
  const key = collect({ idempotencyKey: optional(idempotencyKey, parseIdempotencyKey) });
  if (draft.ok && key.ok) return ok({ draft: draft.value, key: key.value.idempotencyKey });
  return fail([...(draft.ok ? [] : draft.error), ...(key.ok ? [] : key.error)]);
};
