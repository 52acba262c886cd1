import type { Contact, ContactPage, PageRequest } from '../../domain/contact.ts';
import { type ContactPosition, digest } from '../../domain/cursor.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { Codec } from '../../domain/ports/cache.ts';
import { contactFields, parseContact } from './contact.ts';
import { asRaw, type Fields, isCount, isText, isTime, rawFrom } from './fields.ts';
import { keyOf, partsOf } from './keys.ts';
import { type ConfigurableKind, defaultTtlsMs } from './ttls.ts';

/** The generation carries its owner, so that one list cannot be read under another's generation. */
const generationCodec: Codec<string> = {
  schema: 1,
  encode: (generation, key) => JSON.stringify({ ownerId: key, generation }),
  decode: (text, key) => {
    const raw = rawFrom<{ ownerId: string; generation: string }>(text);
    if (raw === undefined || raw.ownerId !== key || !isText(raw.generation)) return undefined;
    return raw.generation === '' ? undefined : raw.generation;
  },
};

/** By owner, the generation of the list: a random name that the keys of its pages carry, so that one fence hides them all. */
export const lists: ConfigurableKind<string> = {
  name: 'lists',
  pattern: 'contacts:{owner}',
  isHint: false,
  origin: {
    source: 'contacts',
    heardAs: (owner) => owner,
    recordOf: (heard) => (heard.includes(':') ? undefined : heard),
  },
  ttl: 'contactList',
  ttlMs: defaultTtlsMs.contactList,
  codec: generationCodec,
};

/**
 * A generation has 256 places for pages, so that no owner fills a cache with pages of one list, of which there are millions:
 * a cursor can be made up. Which page is in the place is for the reader to see; another one is read from the database
 * as long as that is there.
 */
export const pageKey = (ownerId: UserId, generation: string, request: PageRequest): string =>
  keyOf(ownerId, generation, placeOf(request));

const placeOf = ({ skip, after, limit }: PageRequest): string =>
  digest([skip ?? '', after?.createdAtMs, after?.id, limit].join(' ')).slice(-2);

const positionFields = (position: ContactPosition | null): Fields<ContactPosition> | null =>
  position && { createdAtMs: position.createdAtMs, id: position.id };

const positionFrom = (field: unknown): ContactPosition | null | undefined => {
  if (field === null) return null;
  const raw = asRaw<ContactPosition>(field);
  if (raw === undefined || !isTime(raw.createdAtMs) || !isText(raw.id)) return undefined;
  return Object.freeze({ createdAtMs: raw.createdAtMs, id: raw.id as ContactId });
};

const pageCodec: Codec<ContactPage> = {
  schema: 2,
  encode: ({ ownerId, items, total, skip, after, limit, next }) =>
    JSON.stringify({
      ownerId,
      items: items.map(contactFields),
      total,
      skip,
      after: positionFields(after),
      limit,
      next: positionFields(next),
    } satisfies Fields<ContactPage>),
  decode: (text, key) => {
    const raw = rawFrom<ContactPage>(text);
    if (raw === undefined) return undefined;
    const { ownerId, items, total, limit } = raw;
    if (!isText(ownerId) || !Array.isArray(items) || !isCount(total) || !isCount(limit)) return undefined;
    const [after, next] = [positionFrom(raw.after), positionFrom(raw.next)];
    if (after === undefined || next === undefined) return undefined;
    // It begins somewhere, and in one way.
    const skip = isCount(raw.skip) ? raw.skip : null;
    if ((skip === null) !== (raw.skip === null) || (skip === null) === (after === null)) return undefined;
    const [owner, , place, ...rest] = partsOf(key);
    if (owner !== ownerId || place !== placeOf({ skip, after, limit }) || rest.length > 0) return undefined;
    if (items.length > limit) return undefined;
    const contacts: Contact[] = [];
    for (const item of items) {
      const contact = parseContact(asRaw<Contact>(item));
      if (contact === undefined || contact.ownerId !== ownerId) return undefined;
      contacts.push(contact);
    }
    const page = { ownerId: ownerId as UserId, total, skip, after, limit, next };
    return Object.freeze({ ...page, items: Object.freeze(contacts) });
  },
};

/** One page of one generation of a list. */
export const pages: ConfigurableKind<ContactPage> = {
  name: 'pages',
  pattern: 'contacts:{owner}:{generation}:{place}',
  isHint: false,
  // They hang on the generation: dropping that one hides them all.
  origin: { source: 'contacts', heardAs: (key) => key.slice(0, key.indexOf(':')), recordOf: () => undefined },
  ttl: 'contactList',
  ttlMs: defaultTtlsMs.contactList,
  codec: pageCodec,
};
