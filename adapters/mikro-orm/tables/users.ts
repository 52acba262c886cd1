import { defineEntity, p } from '@mikro-orm/core';
import type { Email, Phone, UserId, Username } from '../../../domain/identifiers.ts';
import { Secret } from '../../../domain/secret.ts';
import { type Account, roles, type User } from '../../../domain/user.ts';
import { milliseconds, Row } from '../row.ts';
import { checksOf } from '../rules.ts';
import { type PropertiesOf, type RowOf, type SelectedOf, selectList, type Table } from '../table.ts';

/** The fields of a row. */
type Stored = User & Pick<Account, 'passwordHash'>;

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
  } satisfies PropertiesOf<Stored>,
  checks: [
    { name: 'users_role_check', expression: "role in ('user', 'admin')" },
    { name: 'users_canonical_check', expression: 'email = lower(email) and username = lower(username)' },
    { name: 'users_version_check', expression: 'version >= 1 and token_version >= 1' },
    ...checksOf('users'),
  ],
});

export const usersTable: Table = { entity: UserEntity, rights: ['select', 'insert', 'update'] };

const selected: SelectedOf<User> = {
  id: 'id',
  email: 'email',
  username: 'username',
  phone: 'phone',
  name: 'name',
  bio: 'bio',
  occupation: 'occupation',
  location: 'location',
  avatar_url: 'avatar_url',
  skills: 'skills',
  experience: 'experience',
  role: 'role',
  is_active: 'is_active',
  is_verified: 'is_verified',
  created_at: milliseconds('created_at'),
  updated_at: milliseconds('updated_at'),
  version: 'version',
  token_version: 'token_version',
};

export const userColumns: string = selectList(selected);

export const accountColumns: string = `${userColumns}, password_hash`;

export const parseUser = (input: unknown): User => {
  const row = new Row('users', input);
  return {
    id: row.text<UserId>('id'),
    email: row.text<Email>('email'),
    username: row.text<Username>('username'),
    phone: row.nullable('phone', row.text<Phone>),
    name: row.nullable('name', row.text),
    bio: row.nullable('bio', row.text),
    occupation: row.nullable('occupation', row.text),
    location: row.nullable('location', row.text),
    avatarUrl: row.nullable('avatar_url', row.text),
    skills: row.texts('skills'),
    experience: row.nullable('experience', row.text),
    role: row.oneOf('role', roles),
    isActive: row.boolean('is_active'),
    isVerified: row.boolean('is_verified'),
    createdAtMs: row.time('created_at_ms'),
    updatedAtMs: row.time('updated_at_ms'),
    version: row.integer('version'),
    tokenVersion: row.integer('token_version'),
  };
};

export const parseAccount = (input: unknown): Account => ({
  user: parseUser(input),
  passwordHash: new Secret(new Row('users', input).text('password_hash')),
});

export const parseUserIdRow = (input: unknown): UserId => new Row('users', input).text<UserId>('id');

export const accountRow = ({ user, passwordHash }: Account): RowOf<Stored> => ({
  id: user.id,
  email: user.email,
  username: user.username,
  phone: user.phone,
  name: user.name,
  bio: user.bio,
  occupation: user.occupation,
  location: user.location,
  avatar_url: user.avatarUrl,
  skills: user.skills,
  experience: user.experience,
  role: user.role,
  is_active: user.isActive,
  is_verified: user.isVerified,
  password_hash: Secret.reveal(passwordHash),
  created_at: new Date(user.createdAtMs).toISOString(),
  updated_at: new Date(user.updatedAtMs).toISOString(),
  version: user.version,
  token_version: user.tokenVersion,
});
