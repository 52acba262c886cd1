import type { ContactDraft } from './contact.ts';
import type { Brand, ContactId, UserId } from './identifiers.ts';
import { ok } from './result.ts';
import { invalid, type Parsed } from './text.ts';

/** What a client names a request by, so that sending it again does it once: 1-255 characters of printable ASCII. */
export type IdempotencyKey = Brand<string, 'IdempotencyKey'>;

/** A key counts for `countsForMs` after its first use; of one owner's keys no more than `maxPerOwner` do, the newest. */
export const idempotencyLimits = { maxLength: 255, countsForMs: 86_400_000, maxPerOwner: 1000 };

const printable = /^[\x20-\x7e]+$/;

export const parseIdempotencyKey = (input: unknown): Parsed<IdempotencyKey> => {
  if (typeof input !== 'string') return invalid('invalid-type', 'a string is expected');
  const { maxLength } = idempotencyLimits;
  if (input === '') return invalid('too-short', 'at least 1 character is expected');
  if (input.length > maxLength) return invalid('too-long', `at most ${maxLength} characters are expected`);
  return printable.test(input)
    ? ok(input as IdempotencyKey)
    : invalid('forbidden-character', 'printable ASCII is expected');
};

/**
 * What is kept of a key and of the contact that was added under it: neither the key nor a field of the contact, but enough to
 * tell the same request from another, and to give the same answer again.
 */
export type UsedKey = {
  readonly ownerId: UserId;
  /** The digest of the key, in base64url. */
  readonly keyHash: string;
  /** The digest of the key and the draft, in base64url. */
  readonly draftHash: string;
  readonly contactId: ContactId;
  /** When the contact was added, as its answer says. */
  readonly createdAtMs: number;
};

/**
 * What the digest of a draft is made of. The key is in it: a draft of a few words could be guessed, a key cannot. What is
 * `null` is not, so that a field that a later version adds makes no other draft of the same request.
 */
export const textOfDraft = (key: IdempotencyKey, draft: ContactDraft): string =>
  JSON.stringify([
    key,
    ...Object.entries(draft)
      .filter(([, value]) => value !== null)
      .sort(),
  ]);
