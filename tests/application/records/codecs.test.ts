import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contactKey, contacts } from '../../../application/records/contact.ts';
import { lists, pageKey, pages } from '../../../application/records/contact-list.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { profiles } from '../../../application/records/profile.ts';
import { users } from '../../../application/records/user.ts';
import type { Contact, ContactPage, PageRequest } from '../../../domain/contact.ts';
import type { ContactPosition } from '../../../domain/cursor.ts';
import type { Cacheable, Codec, RecordKind } from '../../../domain/ports/cache.ts';
import type { Profile, User } from '../../../domain/user.ts';
import { anyContactId, anyUserId, sampleContact, sampleUser } from '../../contracts/records.ts';

const text = fc.string({ unit: 'binary', maxLength: 30 });
const textOrNull = fc.option(text);
const count = fc.nat();
const time = fc.integer({ min: -8.64e15, max: 8.64e15 });
const user: fc.Arbitrary<User> = fc
  .record({
    name: textOrNull,
    bio: textOrNull,
    occupation: textOrNull,
    location: textOrNull,
    avatarUrl: textOrNull,
    skills: fc.array(text, { maxLength: 5 }),
    experience: textOrNull,
    role: fc.constantFrom('user' as const, 'admin' as const),
    isActive: fc.boolean(),
    isVerified: fc.boolean(),
    createdAtMs: time,
    updatedAtMs: time,
    version: count,
    tokenVersion: count,
  })
  .map((fields) => ({ ...sampleUser(anyUserId()), ...fields }));
const contact: fc.Arbitrary<Contact> = fc
  .record({ firstName: text, lastName: textOrNull, notes: textOrNull, birthday: textOrNull, version: count })
  .map((fields) => ({ ...sampleContact(anyContactId(), anyUserId()), ...fields }));
const position: fc.Arbitrary<ContactPosition> = time.map((createdAtMs) => ({
  createdAtMs,
  id: anyContactId(),
}));
const page: fc.Arbitrary<ContactPage> = fc
  .record({
    items: fc.array(contact, { maxLength: 4 }),
    total: count,
    place: fc.oneof(
      count.map((skip) => ({ skip, after: null })),
      position.map((after) => ({ skip: null, after })),
    ),
    next: fc.option(position),
  })
  .map(({ items, total, place, next }) => {
    const ownerId = anyUserId();
    return { ownerId, items: items.map((item) => ({ ...item, ownerId })), total, ...place, limit: 20, next };
  });
const profile: fc.Arbitrary<Profile> = user.map(
  ({
    id,
    username,
    name,
    bio,
    occupation,
    location,
    avatarUrl,
    skills,
    experience,
    createdAtMs,
    version,
  }) => ({
    id,
    username,
    name,
    bio,
    occupation,
    location,
    avatarUrl,
    skills,
    experience,
    createdAtMs,
    version,
  }),
);
const pointer = fc.constant(0).map(() => anyUserId());

/** A kind with a value, its key, and what another's key looks like. */
type Case = {
  readonly kind: string;
  readonly codec: Codec<Cacheable>;
  readonly cases: fc.Arbitrary<{ readonly value: Cacheable; readonly key: string }>;
  readonly strangers: readonly string[];
};

// The codec of one kind, seen as a codec of whatever it is: the cases below are of its kind.
const caseOf = <V extends Cacheable>(
  { name, codec }: RecordKind<V>,
  values: fc.Arbitrary<V>,
  keyOf: (value: V) => string,
  strangers: readonly string[],
): Case => {
  const known = new Map<Cacheable, V>();
  return {
    kind: name,
    codec: {
      schema: codec.schema,
      encode: (value, key) => {
        const own = known.get(value);
        if (own === undefined) throw new Error('a value of another kind');
        return codec.encode(own, key);
      },
      decode: (encoded, key) => codec.decode(encoded, key),
    },
    cases: values.map((value) => {
      known.set(value, value);
      return { value, key: keyOf(value) };
    }),
    strangers,
  };
};

const other = anyUserId();
const cases: readonly Case[] = [
  caseOf(users, user, ({ id }) => id, [other, '']),
  caseOf(profiles, profile, ({ id }) => id, [other, '']),
  caseOf(contacts, contact, ({ id, ownerId }) => contactKey(ownerId, id), [`${other}:${other}`, '']),
  caseOf(pages, page, (value) => pageKey(value.ownerId, 'generation', value), [
    pageKey(other, 'generation', { skip: 0, limit: 20 }),
    `${other}:generation:0:20`,
    '',
  ]),
  caseOf(
    lists,
    text.filter((generation) => generation !== ''),
    () => anyUserId(),
    [other, ''],
  ),
  caseOf(pointers.email, pointer, () => 'a@example.com', []),
];

describe.each(cases)('the codec of $kind', ({ codec, cases: values, strangers }) => {
  it('reads back what it wrote, for every value', () => {
    fc.assert(
      fc.property(values, ({ value, key }) => {
        expect(codec.decode(codec.encode(value, key), key)).toEqual(value);
      }),
    );
  });

  it('refuses a value under the key of another', () => {
    fc.assert(
      fc.property(values, ({ value, key }) => {
        const encoded = codec.encode(value, key);
        for (const stranger of strangers) expect(codec.decode(encoded, stranger)).toBeUndefined();
      }),
    );
  });

  it('answers a mutation with nothing, or with a value that is in order for the key', () => {
    const mutated = fc.tuple(values, fc.nat(), fc.string({ maxLength: 3 }), fc.nat({ max: 4 }));
    fc.assert(
      fc.property(mutated, ([{ value, key }, at, inserted, cut]) => {
        const encoded = codec.encode(value, key);
        const position = at % (encoded.length + 1);
        const found = codec.decode(
          encoded.slice(0, position) + inserted + encoded.slice(position + cut),
          key,
        );
        // In order: it survives being written and read again, so every field is of its type and the key is its own.
        if (found !== undefined) expect(shapeOf(found)).toEqual(shapeOf(value));
      }),
      { numRuns: 500 },
    );
  });

  it('answers a field of another type with nothing', () => {
    fc.assert(
      fc.property(
        values,
        fc.nat(),
        fc.constantFrom<unknown>(undefined, 1.5, 'x', {}, [{}], true, -1),
        ({ value, key }, at, junk) => {
          const parsed: unknown = JSON.parse(codec.encode(value, key));
          if (typeof parsed !== 'object' || parsed === null) return;
          const names = Object.keys(parsed);
          const name = names[at % names.length] ?? '';
          const found = codec.decode(JSON.stringify({ ...parsed, [name]: junk }), key);
          if (found !== undefined) expect(shapeOf(found)).toEqual(shapeOf(value));
        },
      ),
    );
  });

  it('never throws, and makes nothing of garbage', () => {
    const garbage = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom('', 'null', '[]', '{}', '1', '"x"', '{"id":null}', '\0'),
    );
    fc.assert(
      fc.property(values, garbage, ({ key }, junk) => {
        expect(codec.decode(junk, key)).toBeUndefined();
      }),
    );
  });

  it('lets no field in or out that it does not name', () => {
    fc.assert(
      fc.property(values, ({ value, key }) => {
        const encoded = codec.encode(value, key);
        const parsed: unknown = JSON.parse(encoded);
        if (typeof parsed !== 'object' || parsed === null) return;
        const planted = JSON.stringify({ ...parsed, passwordHash: 'canary', __proto__: { canary: 1 } });
        const found = codec.decode(planted, key);
        expect(JSON.stringify(found)).not.toContain('canary');
        expect(found).toEqual(value);
      }),
    );
  });
});

const firstPage = { total: 1, skip: 0, after: null, limit: 20, next: null };

it('a planted field does not get into what is written', () => {
  const id = anyUserId();
  const planted = { ...sampleUser(id), passwordHash: 'canary' };
  expect(users.codec.encode(planted, id)).not.toContain('canary');
  expect(profiles.codec.encode(planted, id)).not.toContain('canary');
  expect(profiles.codec.encode(planted, id)).not.toContain('example.com');
  const grace = { ...sampleContact(anyContactId(), id), passwordHash: 'canary' };
  expect(contacts.codec.encode(grace, '')).not.toContain('canary');
  expect(pages.codec.encode({ ...firstPage, ownerId: id, items: [grace] }, '')).not.toContain('canary');
});

it('a page with a contact of somebody else is nothing', () => {
  const id = anyUserId();
  const foreign = sampleContact(anyContactId(), anyUserId());
  const key = pageKey(id, 'g', firstPage);
  const decoded = (items: readonly Contact[]) =>
    pages.codec.decode(pages.codec.encode({ ...firstPage, ownerId: id, items }, key), key);
  expect(decoded([foreign])).toBeUndefined();
  expect(decoded([{ ...foreign, ownerId: id }])?.items).toHaveLength(1);
});

it('a page in the place of another one is nothing', () => {
  const id = anyUserId();
  const written = pages.codec.encode({ ...firstPage, ownerId: id, items: [] }, '');
  const places = Array.from({ length: 20 }, (_, n) => pageKey(id, 'g', { skip: n * 20, limit: 20 }));
  const readable = places.filter((key) => pages.codec.decode(written, key) !== undefined);
  expect(new Set(readable)).toEqual(new Set([pageKey(id, 'g', firstPage)]));
});

it('for all that can be asked for, a generation has at most 256 pages', () => {
  const id = anyUserId();
  const requests = Array.from(
    { length: 5000 },
    (_, n): PageRequest => ({
      ...(n % 2 === 0 ? { skip: n } : { after: { createdAtMs: n, id: anyContactId() } }),
      limit: 1 + (n % 100),
    }),
  );
  const keys = new Set(requests.map((request) => pageKey(id, 'g', request)));
  expect(keys.size).toBeLessThanOrEqual(256);
  // And they are spread over these.
  expect(keys.size).toBeGreaterThan(200);
});

/** The types of all fields, where `null` may stand for a text. */
const shapeOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'object' || value === null) return typeof value === 'object' ? 'string' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
};
