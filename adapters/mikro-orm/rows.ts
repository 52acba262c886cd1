import type { Contact } from '../../domain/contact.ts';
import {
  parseContactId,
  parseEmail,
  parsePhone,
  parseUserId,
  parseUsernameKey,
} from '../../domain/identifiers.ts';
import type { Invalidation, JournalRow } from '../../domain/ports/persistence.ts';
import { Secret } from '../../domain/secret.ts';
import type { Parsed } from '../../domain/text.ts';
import { type Account, roles, type User } from '../../domain/user.ts';
import type { Columns } from './statements.ts';

/** The select list of a user; times as milliseconds, so that no session's time zone or date style matters. */
export const userColumns: string = `id, email, username, phone, name, bio, occupation, location, avatar_url, skills, experience,
  role, is_active, is_verified, ${milliseconds('created_at')}, ${milliseconds('updated_at')}, version, token_version`;

export const accountColumns: string = `${userColumns}, password_hash`;

export const contactColumns: string = `id, user_id, first_name, last_name, email, phone,
  to_char(birthday, 'YYYY-MM-DD') as birthday, notes,
  ${milliseconds('created_at')}, ${milliseconds('updated_at')}, version`;

function milliseconds(column: string): string {
  return `round(extract(epoch from ${column}) * 1000)::float8 as ${column}_ms`;
}

/** Throws an error that names the column and no value: a row that is not ours is a fault, not data. */
export const parseUser = (input: unknown): User => {
  const row = new Row('users', input);
  return {
    id: row.parsed('id', parseUserId),
    email: row.parsed('email', parseEmail),
    username: row.parsed('username', parseUsernameKey),
    phone: row.nullable('phone', (name) => row.parsed(name, parsePhone)),
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
    createdAtMs: row.integer('created_at_ms'),
    updatedAtMs: row.integer('updated_at_ms'),
    version: row.integer('version'),
    tokenVersion: row.integer('token_version'),
  };
};

export const parseAccount = (input: unknown): Account => ({
  user: parseUser(input),
  passwordHash: new Secret(new Row('users', input).text('password_hash')),
});

export const parseContact = (input: unknown): Contact => {
  const row = new Row('contacts', input);
  return {
    id: row.parsed('id', parseContactId),
    ownerId: row.parsed('user_id', parseUserId),
    firstName: row.text('first_name'),
    lastName: row.nullable('last_name', row.text),
    email: row.nullable('email', (name) => row.parsed(name, parseEmail)),
    phone: row.nullable('phone', (name) => row.parsed(name, parsePhone)),
    birthday: row.nullable('birthday', row.text),
    notes: row.nullable('notes', row.text),
    createdAtMs: row.integer('created_at_ms'),
    updatedAtMs: row.integer('updated_at_ms'),
    version: row.integer('version'),
  };
};

export const parseJournalRow = (input: unknown): JournalRow => {
  const row = new Row('cache_journal', input);
  return { id: row.text('id'), invalidation: parseInvalidation(row) };
};

const parseInvalidation = (row: Row): Invalidation => {
  const kind = row.oneOf('kind', ['user', 'contact', 'everything'] as const);
  if (kind === 'everything') return { kind };
  const userId = row.parsed('user_id', parseUserId);
  if (kind === 'user') return { kind, userId };
  return { kind, ownerId: userId, contactId: row.parsed('contact_id', parseContactId) };
};

export const parseCount = (input: unknown): number => new Row('count', input).integer('total');

/** Whether a guess was counted and so may be looked at, and how long the counters refuse. */
export const parseAdmission = (input: unknown): { readonly counted: boolean; readonly waitMs: number } => {
  const row = new Row('login_attempts', input);
  return { counted: row.boolean('counted'), waitMs: row.integer('wait_ms') };
};

export const parseUserIdRow = (input: unknown): User['id'] =>
  new Row('users', input).parsed('id', parseUserId);

export const accountRow = ({ user, passwordHash }: Account): Columns => ({
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

export const contactRow = (contact: Contact): Columns => ({
  id: contact.id,
  user_id: contact.ownerId,
  first_name: contact.firstName,
  last_name: contact.lastName,
  email: contact.email,
  phone: contact.phone,
  birthday: contact.birthday,
  notes: contact.notes,
  created_at: new Date(contact.createdAtMs).toISOString(),
  updated_at: new Date(contact.updatedAtMs).toISOString(),
  version: contact.version,
});

/** The fields of one row, each checked as it is taken out. */
class Row {
  readonly #table: string;
  readonly #input: object;

  constructor(table: string, input: unknown) {
    this.#table = table;
    if (typeof input !== 'object' || input === null) throw new Error(`a row of ${table} is missing`);
    this.#input = input;
  }

  parsed<T>(name: string, parse: (input: unknown) => Parsed<T>): T {
    const result = parse(this.#value(name));
    return result.ok ? result.value : this.#refuse(name);
  }

  nullable<T>(name: string, take: (name: string) => T): T | null {
    return this.#value(name) === null ? null : take(name);
  }

  // Arrow functions, so that `nullable` can be handed one.
  readonly text = (name: string): string => {
    const value = this.#value(name);
    return typeof value === 'string' ? value : this.#refuse(name);
  };

  texts(name: string): readonly string[] {
    const value = this.#value(name);
    if (!Array.isArray(value)) return this.#refuse(name);
    return value.map((entry: unknown) => (typeof entry === 'string' ? entry : this.#refuse(name)));
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#value(name);
    return values.find((known) => known === value) ?? this.#refuse(name);
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    return typeof value === 'boolean' ? value : this.#refuse(name);
  }

  integer(name: string): number {
    const value = this.#value(name);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#refuse(name);
  }

  #value(name: string): unknown {
    return Reflect.get(this.#input, name);
  }

  #refuse(name: string): never {
    throw new Error(`a row of ${this.#table} has a ${name} that cannot be read`);
  }
}
