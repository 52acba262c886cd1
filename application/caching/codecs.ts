import type { Contact, ContactPage } from '../../domain/contact.ts';
import type { ContactId, Email, Phone, UserId, Username } from '../../domain/identifiers.ts';
import type { Cacheable, Kind } from '../../domain/ports/cache.ts';
import type { Profile, Role, User } from '../../domain/user.ts';

/**
 * How one kind of record is written to a cache outside this process and read back, field by field: a field that is not
 * named here can neither get in nor come out, whatever the object or the text holds.
 */
export interface Codec<V extends Cacheable> {
  encode(value: V, key: string): string;
  /**
   * The value, frozen; `undefined` if the text is not one, or is one of another key: what is cached is outside, too, and
   * a user's record under a wrong key must never be served. Never throws.
   */
  decode(text: string, key: string): V | undefined;
}

/** The shape of all values below. To be raised with every change of a field: old values become unreadable, a miss. */
export const schema = 1;

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Raw<T> = { readonly [K in keyof T]?: unknown };

const rawFrom = <T>(text: string): Raw<T> | undefined => {
  try {
    return asRaw<T>(JSON.parse(text));
  } catch {
    return undefined;
  }
};

const asRaw = <T>(json: unknown): Raw<T> | undefined =>
  typeof json === 'object' && json !== null ? (json as Raw<T>) : undefined;

const isText = (field: unknown): field is string => typeof field === 'string';
const isTextOrNull = (field: unknown): field is string | null => field === null || typeof field === 'string';
const isFlag = (field: unknown): field is boolean => typeof field === 'boolean';
const isTime = (field: unknown): field is number => Number.isSafeInteger(field);
const isCount = (field: unknown): field is number => isTime(field) && field >= 0;
const isRole = (field: unknown): field is Role => field === 'user' || field === 'admin';
const isTexts = (field: unknown): field is readonly string[] => Array.isArray(field) && field.every(isText);

const users: Codec<User> = {
  encode: (user) =>
    JSON.stringify({
      id: user.id,
      email: user.email,
      username: user.username,
      phone: user.phone,
      name: user.name,
      bio: user.bio,
      occupation: user.occupation,
      location: user.location,
      avatarUrl: user.avatarUrl,
      skills: user.skills,
      experience: user.experience,
      role: user.role,
      isActive: user.isActive,
      isVerified: user.isVerified,
      createdAtMs: user.createdAtMs,
      updatedAtMs: user.updatedAtMs,
      version: user.version,
      tokenVersion: user.tokenVersion,
    } satisfies Record<keyof User, unknown>),
  decode: (text, key) => {
    const raw = rawFrom<User>(text);
    if (raw === undefined || raw.id !== key) return undefined;
    const { email, username, phone, name, bio, occupation, location, avatarUrl, skills, experience } = raw;
    const { role, isActive, isVerified, createdAtMs, updatedAtMs, version, tokenVersion } = raw;
    if (!isText(email) || !isText(username) || !isTextOrNull(phone) || !isTextOrNull(name)) return undefined;
    if (!isTextOrNull(bio) || !isTextOrNull(occupation) || !isTextOrNull(location)) return undefined;
    if (!isTextOrNull(avatarUrl) || !isTexts(skills) || !isTextOrNull(experience)) return undefined;
    if (!isRole(role) || !isFlag(isActive) || !isFlag(isVerified)) return undefined;
    if (!isTime(createdAtMs) || !isTime(updatedAtMs) || !isCount(version) || !isCount(tokenVersion))
      return undefined;
    return Object.freeze({
      id: key as UserId,
      email: email as Email,
      username: username as Username,
      phone: phone as Phone | null,
      name,
      bio,
      occupation,
      location,
      avatarUrl,
      skills: Object.freeze(skills),
      experience,
      role,
      isActive,
      isVerified,
      createdAtMs,
      updatedAtMs,
      version,
      tokenVersion,
    });
  },
};

const profiles: Codec<Profile> = {
  encode: (profile) =>
    JSON.stringify({
      id: profile.id,
      username: profile.username,
      name: profile.name,
      bio: profile.bio,
      occupation: profile.occupation,
      location: profile.location,
      avatarUrl: profile.avatarUrl,
      skills: profile.skills,
      experience: profile.experience,
      createdAtMs: profile.createdAtMs,
      version: profile.version,
    } satisfies Record<keyof Profile, unknown>),
  decode: (text, key) => {
    const raw = rawFrom<Profile>(text);
    if (raw === undefined || raw.id !== key) return undefined;
    const { username, name, bio, occupation, location, avatarUrl, skills, experience, createdAtMs, version } =
      raw;
    if (!isText(username) || !isTextOrNull(name) || !isTextOrNull(bio) || !isTextOrNull(occupation))
      return undefined;
    if (!isTextOrNull(location) || !isTextOrNull(avatarUrl) || !isTexts(skills)) return undefined;
    if (!isTextOrNull(experience) || !isTime(createdAtMs) || !isCount(version)) return undefined;
    return Object.freeze({
      id: key as UserId,
      username: username as Username,
      name,
      bio,
      occupation,
      location,
      avatarUrl,
      skills: Object.freeze(skills),
      experience,
      createdAtMs,
      version,
    });
  },
};

const contactFields = (contact: Contact): Record<keyof Contact, unknown> => ({
  id: contact.id,
  ownerId: contact.ownerId,
  firstName: contact.firstName,
  lastName: contact.lastName,
  email: contact.email,
  phone: contact.phone,
  birthday: contact.birthday,
  notes: contact.notes,
  createdAtMs: contact.createdAtMs,
  updatedAtMs: contact.updatedAtMs,
  version: contact.version,
});

const parseContact = (raw: Raw<Contact> | undefined): Contact | undefined => {
  if (raw === undefined) return undefined;
  const {
    id,
    ownerId,
    firstName,
    lastName,
    email,
    phone,
    birthday,
    notes,
    createdAtMs,
    updatedAtMs,
    version,
  } = raw;
  if (!isText(id) || !isText(ownerId) || !isText(firstName) || !isTextOrNull(lastName)) return undefined;
  if (!isTextOrNull(email) || !isTextOrNull(phone) || !isTextOrNull(birthday) || !isTextOrNull(notes))
    return undefined;
  if (!isTime(createdAtMs) || !isTime(updatedAtMs) || !isCount(version)) return undefined;
  return Object.freeze({
    id: id as ContactId,
    ownerId: ownerId as UserId,
    firstName,
    lastName,
    email: email as Email | null,
    phone: phone as Phone | null,
    birthday,
    notes,
    createdAtMs,
    updatedAtMs,
    version,
  });
};

const contacts: Codec<Contact> = {
  encode: (contact) => JSON.stringify(contactFields(contact)),
  decode: (text, key) => {
    const contact = parseContact(rawFrom<Contact>(text));
    return contact !== undefined && `${contact.id}:user:${contact.ownerId}` === key ? contact : undefined;
  },
};

const pages: Codec<ContactPage> = {
  encode: ({ ownerId, items, total, skip, limit }) =>
    JSON.stringify({ ownerId, items: items.map(contactFields), total, skip, limit } satisfies Record<
      keyof ContactPage,
      unknown
    >),
  decode: (text, key) => {
    const raw = rawFrom<ContactPage>(text);
    if (raw === undefined) return undefined;
    const { ownerId, items, total, skip, limit } = raw;
    if (!isText(ownerId) || !Array.isArray(items) || !isCount(total) || !isCount(skip) || !isCount(limit))
      return undefined;
    const [owner, , keySkip, keyLimit, ...rest] = key.split(':');
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

/** The generation of a list carries its owner, so that one list cannot be read under another's generation. */
const lists: Codec<string> = {
  encode: (generation, key) => JSON.stringify({ ownerId: key, generation }),
  decode: (text, key) => {
    const raw = rawFrom<{ ownerId: string; generation: string }>(text);
    if (raw === undefined || raw.ownerId !== key || !isText(raw.generation)) return undefined;
    return raw.generation === '' ? undefined : raw.generation;
  },
};

/** Nothing to check an id against: the user found through it must go by the alias (user-directory.ts). */
const pointers: Codec<UserId> = {
  encode: (id) => JSON.stringify(id),
  decode: (text) => {
    const id = text.slice(1, -1);
    return text === `"${id}"` && uuid.test(id) ? (id as UserId) : undefined;
  },
};

/** The value that each kind of record has. */
export type Values = {
  readonly users: User;
  readonly profiles: Profile;
  readonly emails: UserId;
  readonly usernames: UserId;
  readonly phones: UserId;
  readonly contacts: Contact;
  readonly lists: string;
  readonly pages: ContactPage;
};

export const codecs: { readonly [K in Kind]: Codec<Values[K]> } = {
  users,
  profiles,
  emails: pointers,
  usernames: pointers,
  phones: pointers,
  contacts,
  lists,
  pages,
};
