import type { Contact } from '../../domain/contact.ts';
import type { ContactEmail } from '../../domain/contact-email.ts';
import type { ContactId, Phone, UserId } from '../../domain/identifiers.ts';
import type { Codec } from '../../domain/ports/cache.ts';
import { type Fields, isCount, isText, isTextOrNull, isTime, type Raw, rawFrom } from './fields.ts';
import { keyOf } from './keys.ts';
import { type ConfigurableKind, defaultTtlsMs } from './ttls.ts';

export const contactFields = (contact: Contact): Fields<Contact> => ({
  id: contact.id,
  ownerId: contact.ownerId,
  firstName: contact.firstName,
  lastName: contact.lastName,
  organization: contact.organization,
  email: contact.email,
  phone: contact.phone,
  birthday: contact.birthday,
  notes: contact.notes,
  createdAtMs: contact.createdAtMs,
  updatedAtMs: contact.updatedAtMs,
  version: contact.version,
});

export const parseContact = (raw: Raw<Contact> | undefined): Contact | undefined => {
  if (raw === undefined) return undefined;
  const { id, ownerId, firstName, lastName, organization, email, phone, birthday, notes } = raw;
  const { createdAtMs, updatedAtMs, version } = raw;
  if (!isText(id) || !isText(ownerId) || !isTextOrNull(firstName)) return undefined;
  if (!isTextOrNull(lastName) || !isTextOrNull(organization)) return undefined;
  if (!isTextOrNull(email) || !isTextOrNull(phone) || !isTextOrNull(birthday) || !isTextOrNull(notes))
    return undefined;
  if (!isTime(createdAtMs) || !isTime(updatedAtMs) || !isCount(version)) return undefined;
  return Object.freeze({
    id: id as ContactId,
    ownerId: ownerId as UserId,
    firstName,
    lastName,
    organization,
    email: email as ContactEmail | null,
    phone: phone as Phone | null,
    birthday,
    notes,
    createdAtMs,
    updatedAtMs,
    version,
  });
};

/** The owner is part of the key and of the value: another's contact cannot be read, whatever lies there. */
export const contactKey = (ownerId: UserId, id: ContactId): string => keyOf(id, ownerId);

const codec: Codec<Contact> = {
  schema: 2,
  encode: (contact) => JSON.stringify(contactFields(contact)),
  decode: (text, key) => {
    const contact = parseContact(rawFrom<Contact>(text));
    return contact !== undefined && contactKey(contact.ownerId, contact.id) === key ? contact : undefined;
  },
};

/** The log names the owner first, so that what stands before the colon is the key of the list. */
const turned = (key: string): string => {
  const colon = key.indexOf(':');
  return `${key.slice(colon + 1)}:${key.slice(0, colon)}`;
};

/** One contact of one owner. */
export const contacts: ConfigurableKind<Contact> = {
  name: 'contacts',
  pattern: 'contact:{contact}:user:{owner}',
  isHint: false,
  origin: {
    source: 'contacts',
    heardAs: turned,
    recordOf: (heard) => (heard.includes(':') ? turned(heard) : undefined),
  },
  ttl: 'contact',
  ttlMs: defaultTtlsMs.contact,
  codec,
};
