import { contactKey, contacts } from '../../application/records/contact.ts';
import { lists, pageKey, pages } from '../../application/records/contact-list.ts';
import { pointers } from '../../application/records/pointers.ts';
import { profiles } from '../../application/records/profile.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import { users } from '../../application/records/user.ts';
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
import type { Cacheable, CachePort, Caches, RecordKind } from '../../domain/ports/cache.ts';
import type { Parsed } from '../../domain/text.ts';
import { newUser, toProfile, type User } from '../../domain/user.ts';

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
      organization: null,
      email: null,
      phone: null,
      birthday: '1906-12-09',
      notes: 'COBOL\n"quoted"',
    },
    1_750_000_000_000,
  );

/** One record of a kind: its key, and its value. */
export type Sample = {
  readonly name: string;
  check<R>(use: <V extends Cacheable>(kept: Kept<V>) => R): R;
};
export type Kept<V extends Cacheable> = {
  readonly kind: RecordKind<V>;
  readonly key: string;
  readonly value: V;
};

const sample = <V extends Cacheable>(kind: RecordKind<V>, key: string, value: V): Sample => ({
  name: kind.name,
  check: (use) => use({ kind, key, value }),
});

/** What the samples of all kinds are made of. */
type Parts = {
  readonly user: User;
  readonly phone: string;
  readonly contact: Contact;
  readonly generation: string;
  readonly page: Omit<ContactPage, 'ownerId' | 'items'>;
};

/** A sample of every kind. */
export const samplesOf = ({ user, phone, contact, generation, page }: Parts): readonly Sample[] => [
  sample(users, user.id, user),
  sample(profiles, user.id, toProfile(user)),
  sample(pointers.email, user.email, user.id),
  sample(pointers.username, user.username, user.id),
  sample(pointers.phone, phone, user.id),
  sample(contacts, contactKey(user.id, contact.id), contact),
  sample(lists, user.id, generation),
  sample(pages, pageKey(user.id, generation, page), { ownerId: user.id, items: [contact], ...page }),
];

/** A sample of every kind, each under a key that nobody used before. */
export const samples = (): readonly Sample[] => {
  const user = sampleUser(anyUserId());
  return samplesOf({
    user,
    phone: `+1${user.id.replace(/\D/g, '').slice(0, 10)}`,
    contact: sampleContact(anyContactId(), user.id),
    generation: 'generation-1',
    page: { total: 1, skip: 0, after: null, limit: 20, next: null },
  });
};

/** A right port with some of its commands done wrong. */
export const spoilt = <V extends Cacheable>(
  right: CachePort<V>,
  wrong: Partial<CachePort<V>>,
): CachePort<V> => ({
  peek: (key) => right.peek(key),
  read: (key) => right.read(key),
  readMany: (keys) => right.readMany(keys),
  fill: (lease, value, proof) => right.fill(lease, value, proof),
  drop: (key) => right.drop(key),
  fence: (key, token) => right.fence(key, token),
  release: (key, token) => right.release(key, token),
  replay: (key) => right.replay(key),
  inspect: (key) => right.inspect(key),
  ...wrong,
});

/** Caches of one kind, with a given port. */
export const onlyOf = <V extends Cacheable>(kind: RecordKind<V>, port: CachePort<V>): Caches =>
  // Nobody can ask for another kind, so it is asked for by its type.
  portsOf([kind], <T extends Cacheable>() => port as CachePort<Cacheable> as CachePort<T>);
