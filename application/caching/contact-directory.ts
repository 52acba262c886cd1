import { answers, type Contact, type ContactPage, type PageRequest } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { Caches } from '../../domain/ports/cache.ts';
import type { ProvedReads } from '../../domain/ports/persistence.ts';
import type { Clock, Ids, Timer } from '../../domain/ports/runtime.ts';
import type { ContactDirectory } from '../directories.ts';
import type { Freshness, Read } from '../read.ts';
import { contactKey, contacts } from '../records/contact.ts';
import { lists, pageKey, pages } from '../records/contact-list.ts';
import type { Auditing, AuditOf } from './audit.ts';
import { type Load, ReadThrough } from './protocol.ts';
import type { StatisticsCounter } from './statistics.ts';

export type ContactDirectoryNeeds = {
  readonly reads: ProvedReads;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly statistics: StatisticsCounter;
  readonly audit: Auditing;
};

/**
 * Contacts and their pages through the cache. A list is one record: a random generation, which the keys of its pages
 * carry. A write fences that record, so the pages of the old generation cannot be reached any more, however many there
 * are; they end by their TTL.
 */
export class CachedContactDirectory implements ContactDirectory {
  readonly #reads: ProvedReads;
  readonly #statistics: StatisticsCounter;
  readonly #contacts: ReadThrough<Contact>;
  readonly #generations: ReadThrough<string>;
  readonly #pages: ReadThrough<ContactPage>;
  readonly #contactAudit: AuditOf<Contact>;
  readonly #pageAudit: AuditOf<ContactPage>;
  readonly #newGeneration: Load<string>;

  constructor({ reads, caches, clock, timer, ids, statistics, audit }: ContactDirectoryNeeds) {
    this.#reads = reads;
    this.#statistics = statistics;
    this.#contacts = new ReadThrough(caches.of(contacts), { clock, timer });
    this.#generations = new ReadThrough(caches.of(lists), { clock, timer });
    this.#pages = new ReadThrough(caches.of(pages), { clock, timer });
    this.#contactAudit = audit.of(contacts);
    this.#pageAudit = audit.of(pages);
    // The proof comes first: it must not claim more than what its pages will show.
    this.#newGeneration = async () => {
      const proof = await reads.proof();
      return { value: ids.token(), proof };
    };
  }

  async find(ownerId: UserId, id: ContactId, freshness?: Freshness): Promise<Read<Contact> | undefined> {
    const load = () => this.#reads.contact(ownerId, id);
    const key = contactKey(ownerId, id);
    const read = await this.#contacts.get(key, load, freshness);
    this.#statistics.lookedUp(read?.source ?? 'miss');
    if (read !== undefined && this.#contactAudit.isDue(read.source))
      this.#contactAudit.begin({ key, load, read: () => this.#contacts.get(key, load) });
    return read;
  }

  async page(
    ownerId: UserId,
    request: PageRequest,
    freshness?: Freshness,
  ): Promise<Read<ContactPage> | undefined> {
    const read = await this.#readPage(ownerId, request, freshness);
    this.#statistics.lookedUp(read?.source ?? 'miss');
    if (read !== undefined && this.#pageAudit.isDue(read.source)) {
      // A page is what its list leads to now, under whichever generation.
      this.#pageAudit.begin({
        key: pageKey(ownerId, '', request),
        load: () => this.#reads.page(ownerId, request),
        read: () => this.#readPage(ownerId, request),
      });
    }
    return read;
  }

  async #readPage(
    ownerId: UserId,
    request: PageRequest,
    freshness?: Freshness,
  ): Promise<Read<ContactPage> | undefined> {
    const load = () => this.#reads.page(ownerId, request);
    if (freshness === 'authoritative') return { value: (await load()).value, source: 'bypass' };
    const generation = await this.#generations.get(ownerId, this.#newGeneration, freshness);
    if (generation === undefined && freshness === 'cached') return undefined;
    // A generation that no cache holds (the list is fenced, or the cache is out of use) is nobody else's.
    if (generation === undefined || generation.source === 'miss')
      return { value: (await load()).value, source: 'miss' };
    const read = await this.#pages.get(pageKey(ownerId, generation.value, request), load, freshness);
    // Another page may be in its place.
    if (read === undefined || !answers(read.value, request)) {
      return freshness === 'cached' ? undefined : { value: (await load()).value, source: 'miss' };
    }
    // A page is as old as the generation that led to it, wherever the page itself came from.
    return read.source === 'redis'
      ? { value: read.value, source: generation.source === 'memory' ? 'memory' : 'redis' }
      : read;
  }
}
