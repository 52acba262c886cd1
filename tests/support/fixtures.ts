import { type Contact, type ContactSearch, parseSearch } from '../../domain/contact.ts';
import { type ContactEmail, parseContactEmail } from '../../domain/contact-email.ts';
import type { ContactId, Email, Phone, UserId, Username } from '../../domain/identifiers.ts';
import {
  parseContactId,
  parseEmail,
  parsePhone,
  parseUserId,
  parseUsername,
} from '../../domain/identifiers.ts';
import { Secret } from '../../domain/secret.ts';
import type { Parsed } from '../../domain/text.ts';
import type { Account, User } from '../../domain/user.ts';

const parsed = <T>(outcome: Parsed<T>): T => {
  if (!outcome.ok) throw new Error(`a fixture is wrong: ${outcome.error.detail}`);
  return outcome.value;
};

/** A UUIDv7 that is the same for the same number, in the order of the numbers. */
const uuid = (kind: number, n: number): string =>
  `01900000-0000-7000-8${kind.toString(16).padStart(3, '0')}-${n.toString(16).padStart(12, '0')}`;

/** The id of user number `n`. */
export const userId = (n: number): UserId => parsed(parseUserId(uuid(1, n)));
/** The id of contact number `n`. */
export const contactId = (n: number): ContactId => parsed(parseContactId(uuid(2, n)));
/** Throws for what is no email. */
export const email = (text: string): Email => parsed(parseEmail(text));
/** Throws for what is no email of a contact. */
export const contactEmail = (text: string): ContactEmail => parsed(parseContactEmail(text));
/** Throws for what is no username. */
export const username = (text: string): Username => parsed(parseUsername(text));
/** Throws for what is no phone number. */
export const phone = (text: string): Phone => parsed(parsePhone(text));

/** Throws for what nobody can look for. */
export const contactSearch = (text: string): ContactSearch => parsed(parseSearch(text));

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** The user number `n`, everything filled in, its identifiers made of the number. */
export const user = (n: number, fields: Partial<User> = {}): User => ({
  id: userId(n),
  email: email(`user${n}@example.com`),
  username: username(`user${n}`),
  phone: phone(`+49170${n.toString().padStart(7, '0')}`),
  name: `User ${n}`,
  bio: 'first line\nsecond line',
  occupation: 'engineer',
  location: 'Leipzig',
  avatarUrl: 'https://example.com/a.png',
  skills: ['sql', 'typescript'],
  experience: 'ten years',
  role: 'user',
  isActive: true,
  isVerified: false,
  createdAtMs: startMs + n,
  updatedAtMs: startMs + n,
  version: 1,
  tokenVersion: 1,
  ...fields,
});

/** A hash that no password has; it carries the canary that secrecy tests look for. */
export const passwordHashText =
  '$argon2id$v=19$m=19456,t=2,p=1$Y2FuYXJ5Y2FuYXJ5$canarycanarycanarycanarycanary';

/** The user number `n` with a hash that no password has. */
export const account = (n: number, fields: Partial<User> = {}): Account => ({
  user: user(n, fields),
  passwordHash: new Secret(passwordHashText),
});

/** The contact number `n` of an owner; higher numbers are newer. */
export const contact = (n: number, ownerId: UserId, fields: Partial<Contact> = {}): Contact => ({
  id: contactId(n),
  ownerId,
  firstName: `First ${n}`,
  lastName: `Last ${n}`,
  organization: null,
  email: email(`contact${n}@example.org`),
  phone: phone(`+33612${n.toString().padStart(6, '0')}`),
  birthday: '1990-05-17',
  notes: 'met in Oslo',
  createdAtMs: startMs + n,
  updatedAtMs: startMs + n,
  version: 1,
  ...fields,
});
