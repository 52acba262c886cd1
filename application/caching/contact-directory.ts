import type { Contact, ContactPage, PageRequest } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { Caches } from '../../domain/ports/cache.ts';
import type { ContactRepository } from '../../domain/ports/persistence.ts';
import type { Clock, Ids, Timer } from '../../domain/ports/runtime.ts';
import type { ContactDirectory } from '../directories.ts';
import type { Freshness, Read } from '../read.ts';
import { contactKey, pageKey } from './keys.ts';
import { ReadThrough } from './protocol.ts';
import type { StatisticsCounter } from './statistics.ts';

export type ContactDirectoryNeeds = {
  readonly contacts: ContactRepository;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly statistics: StatisticsCounter;
};

/**
 * Contacts and their pages through the cache. A list is one record: a random generation, which the keys of its pages
 * carry. A write fences that record, so the pages of the old generation cannot be reached any more, however many there
 * are; they end by their TTL.
 */
export class CachedContactDirectory implements ContactDirectory {
  readonly #repository: ContactRepository;
  readonly #statistics: StatisticsCounter;
  readonly #contacts: ReadThrough<Contact>;
  readonly #generations: ReadThrough<string>;
  readonly #pages: ReadThrough<ContactPage>;
  readonly #newGeneration: () => Promise<string>;

  constructor({ contacts, caches, clock, timer, ids, statistics }: ContactDirectoryNeeds) {
    this.#repository = contacts;
    this.#statistics = statistics;
    this.#contacts = new ReadThrough(caches.contacts, { clock, timer });
    this.#generations = new ReadThrough(caches.lists, { clock, timer });
    this.#pages = new ReadThrough(caches.pages, { clock, timer });
    this.#newGeneration = () => Promise.resolve(ids.token());
  }

  async find(ownerId: UserId, id: ContactId, freshness?: Freshness): Promise<Read<Contact> | undefined> {
    const load = () => this.#repository.find(ownerId, id);
    const read = await this.#contacts.get(contactKey(ownerId, id), load, freshness);
    this.#statistics.lookedUp(read?.source ?? 'miss');
    return read;
  }

  async page(ownerId: UserId, request: PageRequest, freshness?: Freshness): Promise<Read<ContactPage>> {
    const read = await this.#readPage(ownerId, request, freshness);
    this.#statistics.lookedUp(read.source);
    return read;
  }

  async #readPage(ownerId: UserId, request: PageRequest, freshness?: Freshness): Promise<Read<ContactPage>> {
    const load = () => this.#repository.page(ownerId, request);
    if (freshness === 'authoritative') return { value: await load(), source: 'bypass' };
    const generation = await this.#generations.get(ownerId, this.#newGeneration);
    // A generation that no cache holds (the list is fenced, or the cache is out of use) is nobody else's.
    if (generation === undefined || generation.source === 'miss')
      return { value: await load(), source: 'miss' };
    const read = await this.#pages.get(pageKey(ownerId, generation.value, request), load);
    if (read === undefined) return { value: await load(), source: 'miss' };
    // A page is as old as the generation that led to it, wherever the page itself came from.
    return read.source === 'redis'
      ? { value: read.value, source: generation.source === 'memory' ? 'memory' : 'redis' }
      : read;
  }
}
