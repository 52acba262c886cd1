import type { Contact, ContactPage, PageRequest } from '../../domain/contact.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { Codec } from '../../domain/ports/cache.ts';
import { contactFields, parseContact } from './contact.ts';
import { asRaw, type Fields, isCount, isText, rawFrom } from './fields.ts';
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

export const pageKey = (ownerId: UserId, generation: string, { skip, limit }: PageRequest): string =>
  keyOf(ownerId, generation, `${skip}`, `${limit}`);

const pageCodec: Codec<ContactPage> = {
  schema: 2,
  encode: ({ ownerId, items, total, skip, limit }) =>
    JSON.stringify({
      ownerId,
      items: items.map(contactFields),
      total,
      skip,
      limit,
    } satisfies Fields<ContactPage>),
  decode: (text, key) => {
    const raw = rawFrom<ContactPage>(text);
    if (raw === undefined) return undefined;
    const { ownerId, items, total, skip, limit } = raw;
    if (!isText(ownerId) || !Array.isArray(items) || !isCount(total) || !isCount(skip) || !isCount(limit))
      return undefined;
    const [owner, , keySkip, keyLimit, ...rest] = partsOf(key);
    if (owner !== ownerId || keySkip !== `${skip}` || keyLimit !== `${limit}` || rest.length > 0)
      return undefined;
    if (items.length > limit) return undefined;
    const contacts: Contact[] = [];
    for (const item of items) {
      const contact = parseContact(asRaw<Contact>(item));
      if (contact === undefined || contact.ownerId !== ownerId) return undefined;
      contacts.push(contact);
    }
    return Object.freeze({ ownerId: ownerId as UserId, items: Object.freeze(contacts), total, skip, limit });
  },
};

/** One page of one generation of a list. */
export const pages: ConfigurableKind<ContactPage> = {
  name: 'pages',
  pattern: 'contacts:{owner}:{generation}:{skip}:{limit}',
  isHint: false,
  // They hang on the generation: dropping that one hides them all.
  origin: { source: 'contacts', heardAs: (key) => key.slice(0, key.indexOf(':')), recordOf: () => undefined },
  ttl: 'contactList',
  ttlMs: defaultTtlsMs.contactList,
  codec: pageCodec,
};
