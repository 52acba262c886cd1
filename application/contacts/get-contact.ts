import { parseContactId } from '../../domain/identifiers.ts';
import { ok } from '../../domain/result.ts';
import type { GetContact } from '../application.ts';
import type { ContactDirectory } from '../directories.ts';
import { notFound } from '../read.ts';

export const getContact =
  (directory: ContactDirectory): GetContact =>
  async (ownerId, contactId, freshness) => {
    const id = parseContactId(contactId);
    const read = id.ok ? await directory.find(ownerId, id.value, freshness) : undefined;
    return read === undefined ? notFound('contact-not-found', freshness) : ok(read);
  };
