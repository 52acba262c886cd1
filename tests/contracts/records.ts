import type { Contact, ContactPage } from '../../domain/contact.ts';
import { newContact } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import {
  parseContactId,
  parseEmail,
  parsePhone,
  parseUserId,
  parseUsername,
} from '../../domain/identifiers.ts';
import type { Cacheable, CachePort, Caches } from '../../domain/ports/cache.ts';
import type { Parsed } from '../../domain/text.ts';
import { newUser, type User } from '../../domain/user.ts';

const must = <T>(parsed: Parsed<T>): T => {
  if (!parsed.ok) throw new Error(`the sample is wrong: ${parsed.error.detail}`);
  return parsed.value;
};

export const anyUserId = (): UserId => must(parseUserId(crypto.randomUUID()));
export const anyContactId = (): ContactId => must(parseContactId(crypto.randomUUID()));

export const sampleUser = (id: UserId, version = 1): User => ({
  ...newUser(
    id,
    {
      email: must(parseEmail(`u${id}@example.com`)),
      username: must(parseUsername(`u${id.slice(0, 8)}`)),
      phone: must(parsePhone('+12025550123')),
      name: 'Ada L. \u{1F9EE}',
    },
    1_750_000_000_000,
  ),
  skills: ['analysis', 'engines'],
  version,
});

export const sampleContact = (id: ContactId, ownerId: UserId): Contact =>
  newContact(
    id,
    ownerId,
    {
      firstName: 'Grace',
      lastName: null,
      email: null,
      phone: null,
      birthday: '1906-12-09',
      notes: 'COBOL\n"quoted"',
    },
    1_750_000_000_000,
  );

/** One record of a kind: where it is kept, under which key, and its value. */
export type Sample = {
  readonly kind: keyof Caches;
  check<R>(use: <V extends Cacheable>(of: Kept<V>) => R): R;
};
export type Kept<V extends Cacheable> = {
  readonly key: string;
  readonly value: V;
  readonly portOf: (caches: Caches) => CachePort<V>;
};

const sample = <V extends Cacheable>(kind: keyof Caches, kept: Kept<V>): Sample => ({
  kind,
  check: (use) => use(kept),
});

/** A sample of every kind, each under a key that nobody used before. */
export const samples = (): readonly Sample[] => {
  const id = anyUserId();
  const contact = sampleContact(anyContactId(), id);
  const { email, role, ...rest } = sampleUser(id);
  const { phone, isActive, isVerified, updatedAtMs, tokenVersion, ...profile } = rest;
  const page: ContactPage = { ownerId: id, items: [contact], total: 1, skip: 0, limit: 20 };
  return [
    sample('users', { key: id, value: sampleUser(id), portOf: ({ users }) => users }),
    sample('profiles', { key: id, value: profile, portOf: ({ profiles }) => profiles }),
    sample('emails', { key: email, value: id, portOf: ({ emails }) => emails }),
    sample('usernames', { key: rest.username, value: id, portOf: ({ usernames }) => usernames }),
    sample('phones', {
      key: `+1${id.replace(/\D/g, '').slice(0, 10)}`,
      value: id,
      portOf: ({ phones }) => phones,
    }),
    sample('contacts', {
      key: `${contact.id}:user:${id}`,
      value: contact,
      portOf: ({ contacts }) => contacts,
    }),
    sample('lists', { key: id, value: 'generation-1', portOf: ({ lists }) => lists }),
    sample('pages', { key: `${id}:generation-1:0:20`, value: page, portOf: ({ pages }) => pages }),
  ];
};
