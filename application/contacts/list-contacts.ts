import { type ContactPage, parsePageRequest, parseSearch } from '../../domain/contact.ts';
import { formatCursor, listName } from '../../domain/cursor.ts';
import { invalidInput } from '../../domain/failures.ts';
import type { ContactRepository } from '../../domain/ports/persistence.ts';
import { fail, ok } from '../../domain/result.ts';
import type { ListContacts } from '../application.ts';
import type { ContactDirectory } from '../directories.ts';
import type { Read } from '../read.ts';

export type ListContactsNeeds = {
  readonly directory: ContactDirectory;
  readonly contacts: ContactRepository;
};

export const listContacts =
  ({ directory, contacts }: ListContactsNeeds): ListContacts =>
  async (ownerId, { query, ...input }, freshness) => {
    const search = query === undefined ? undefined : parseSearch(query);
    const found = search?.ok === true ? search.value : undefined;
    const list = listName(ownerId, found?.words, found?.digits);
    const request = parsePageRequest(input, list);
    const issues = [
      ...(request.ok ? [] : request.error),
      ...(search === undefined || search.ok ? [] : [{ path: ['query'], ...search.error }]),
    ];
    if (!request.ok || search?.ok === false) return fail(invalidInput(issues));
    // Searches differ too much from each other to be worth caching.
    if (found !== undefined && freshness === 'cached') return fail({ code: 'not-cached' });
    const read: Read<ContactPage> | undefined =
      found === undefined
        ? await directory.page(ownerId, request.value, freshness)
        : { value: await contacts.search(ownerId, found, request.value), source: 'bypass' };
    if (read === undefined) return fail({ code: 'not-cached' });
    const { next, after: _, ...page } = read.value;
    return ok({
      value: { ...page, nextCursor: next === null ? null : formatCursor(next, list) },
      source: read.source,
    });
  };
