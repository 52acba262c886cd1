import { parseContactId } from '../../domain/identifiers.ts';
import { fail, ok } from '../../domain/result.ts';
import type { GetContact } from '../application.ts';
import type { ContactDirectory } from '../directories.ts';

export const getContact =
  (directory: ContactDirectory): GetContact =>
  async (ownerId, contactId, freshness) => {
    const id = parseContactId(contactId);
    const read = id.ok ? await directory.find(ownerId, id.value, freshness) : undefined;
    return read === undefined ? fail({ code: 'contact-not-found' }) : ok(read);
  };
