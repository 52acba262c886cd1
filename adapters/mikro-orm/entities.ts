import { defineEntity, type EntitySchema, p } from '@mikro-orm/core';

const UserEntity = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.uuid().primary(),
    email: p.text().unique('users_email_unique'),
    username: p.text().unique('users_username_unique'),
    phone: p.text().nullable().unique('users_phone_unique'),
    name: p.text().nullable(),
    bio: p.text().nullable(),
    occupation: p.text().nullable(),
    location: p.text().nullable(),
    avatarUrl: p.text().nullable(),
    skills: p.array(),
    experience: p.text().nullable(),
    role: p.text(),
    isActive: p.boolean(),
    isVerified: p.boolean(),
    passwordHash: p.text().hidden().lazy(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
    version: p.integer(),
    tokenVersion: p.integer(),
  },
  checks: [
    { name: 'users_role_check', expression: "role in ('user', 'admin')" },
    { name: 'users_canonical_check', expression: 'email = lower(email) and username = lower(username)' },
    { name: 'users_version_check', expression: 'version >= 1 and token_version >= 1' },
  ],
});

const ContactEntity = defineEntity({
  name: 'Contact',
  tableName: 'contacts',
  properties: {
    id: p.uuid().primary(),
    userId: () =>
      p
        .manyToOne(UserEntity)
        .mapToPk()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('cascade')
        .index(false),
    firstName: p.text(),
    lastName: p.text().nullable(),
    email: p.text().nullable(),
    phone: p.text().nullable(),
    birthday: p.date().nullable(),
    notes: p.text().nullable(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
    version: p.integer(),
  },
  // Read backwards for newest first.
  indexes: [{ name: 'contacts_list_index', properties: ['userId', 'createdAt', 'id'] }],
  checks: [{ name: 'contacts_version_check', expression: 'version >= 1' }],
});

const JournalEntity = defineEntity({
  name: 'JournalRow',
  tableName: 'cache_journal',
  properties: {
    id: p.bigint().primary().generated('by default as identity'),
    kind: p.text(),
    userId: p.uuid().nullable(),
    contactId: p.uuid().nullable(),
    createdAt: p.datetime(3).defaultRaw('now()'),
  },
  checks: [
    {
      name: 'cache_journal_kind_check',
      expression:
        "kind = 'everything' or kind = 'user' and user_id is not null or kind = 'contact' and user_id is not null and contact_id is not null",
    },
  ],
});

const LoginAttemptsEntity = defineEntity({
  name: 'LoginAttempts',
  tableName: 'login_attempts',
  properties: {
    key: p.text().primary(),
    failures: p.integer(),
    lastAt: p.datetime(3),
    familiarUntil: p.datetime(3),
    expiresAt: p.datetime(3),
  },
  indexes: [{ name: 'login_attempts_expiry_index', properties: ['expiresAt'] }],
  checks: [{ name: 'login_attempts_failures_check', expression: 'failures >= 0' }],
});

/** The tables as MikroORM knows them; a test holds them against what the migrations make. */
export const entities: EntitySchema[] = [UserEntity, ContactEntity, JournalEntity, LoginAttemptsEntity];
