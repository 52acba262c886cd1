import { parsePageRequest, parseSearch } from '../../domain/contact.ts';
import { invalidInput } from '../../domain/failures.ts';
import type { ContactRepository } from '../../domain/ports/persistence.ts';
import { fail, ok } from '../../domain/result.ts';
import type { ListContacts } from '../application.ts';
import type { ContactDirectory } from '../directories.ts';

export type ListContactsNeeds = {
  readonly directory: ContactDirectory;
  readonly contacts: ContactRepository;
};

export const listContacts =
  ({ directory, contacts }: ListContactsNeeds): ListContacts =>
  async (ownerId, { query, ...input }, freshness) => {
    const request = parsePageRequest(input);
    const search = query === undefined ? undefined : parseSearch(query);
    const issues = [
      ...(request.ok ? [] : request.error),
      ...(search === undefined || search.ok ? [] : [{ path: ['query'], ...search.error }]),
    ];
    if (!request.ok || search?.ok === false) return fail(invalidInput(issues));
    if (search === undefined) {
      const page = await directory.page(ownerId, request.value, freshness);
      return page === undefined ? fail({ code: 'not-cached' }) : ok(page);
    }
    // Searches differ too much from each other to be worth caching.
    if (freshness === 'cached') return fail({ code: 'not-cached' });
    return ok({ value: await contacts.search(ownerId, search.value, request.value), source: 'bypass' });
  };
