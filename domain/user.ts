import type { Failure } from './failures.ts';
import type { Email, Phone, UserAlias, UserId, Username } from './identifiers.ts';
import { parseEmail, parsePhone, parseUsername } from './identifiers.ts';
import type { Issue } from './issue.ts';
import { fail, ok, type Result } from './result.ts';
import type { PasswordHash } from './secret.ts';
import {
  collect,
  invalid,
  nullable,
  optional,
  type Parsed,
  parseLine,
  parseText,
  type Unparsed,
} from './text.ts';

/** `admin` may read and change other users. */
export const roles = ['user', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A user as the cache may hold one: everything but secrets. Times are milliseconds since the Unix epoch, UTC. */
export type User = {
  readonly id: UserId;
  readonly email: Email;
  readonly username: Username;
  readonly phone: Phone | null;
  readonly name: string | null;
  readonly bio: string | null;
  readonly occupation: string | null;
  readonly location: string | null;
  /** An absolute https URL; never fetched. */
  readonly avatarUrl: string | null;
  readonly skills: readonly string[];
  readonly experience: string | null;
  readonly role: Role;
  readonly isActive: boolean;
  readonly isVerified: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Another one after each change of the row (`nextVersion`); a part of the ETag. */
  readonly version: number;
  /** Another one when every token issued before must stop working: a token holds the one of its time and must match. */
  readonly tokenVersion: number;
};

/** What users say of themselves: others may see it, and it takes no password to change it. */
type SelfDescription =
  | 'username'
  | 'name'
  | 'bio'
  | 'occupation'
  | 'location'
  | 'avatarUrl'
  | 'skills'
  | 'experience';

/** What others may see of a user: no email, phone, role or status. */
export type Profile = Pick<User, 'id' | SelfDescription | 'createdAtMs' | 'version'>;

/** A user with the credentials that only the database holds. */
export type Account = { readonly user: User; readonly passwordHash: PasswordHash };

export const nameLimits = { minCodePoints: 1, maxCodePoints: 100 };
export const longTextLimits = { minCodePoints: 0, maxCodePoints: 5000 };
export const skillLimits = { minCodePoints: 1, maxCodePoints: 50 };
export const maxSkills = 50;
export const urlLimits = { minCodePoints: 1, maxCodePoints: 2048 };

/** What users may change of themselves; email and phone only with their password. */
type Changeable = SelfDescription | 'email' | 'phone';

/** A parsed change: only the fields that were sent. */
export type UserPatch = { readonly [Field in Changeable]?: User[Field] | undefined };

/** A change before it is parsed; a field that is left out stays as it is, `null` clears a nullable one. */
export type UserPatchInput = { readonly [Field in Changeable]?: Unparsed<User[Field]> | undefined };

export const parseName = (input: unknown): Parsed<string> => parseLine(input, nameLimits);
export const parseLongText = (input: unknown): Parsed<string> => parseText(input, longTextLimits);

// RFC 3986, of which `URL` takes more: spaces, other scripts, a stray percent sign. Other readers of our answers may not.
const uri =
  /^https:\/\/(?=[^/?#])(?:\[[0-9a-f:.]+\])?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*)?$/i;

export const parseUrl = (input: unknown): Parsed<string> => {
  const text = parseLine(input, urlLimits);
  if (!text.ok) return text;
  const expected = 'an absolute https URL is expected, in ASCII and percent-encoded';
  if (!uri.test(text.value) || !URL.canParse(text.value)) return invalid('invalid-format', expected);
  const url = new URL(text.value);
  if (url.username !== '' || url.password !== '')
    return invalid('invalid-format', `${expected}, without credentials`);
  return text;
};

const parseSkills = (input: unknown): Parsed<readonly string[]> => {
  if (!Array.isArray(input)) return invalid('invalid-type', 'a list of strings is expected');
  if (input.length > maxSkills) return invalid('too-many', `at most ${maxSkills} skills are expected`);
  const skills: string[] = [];
  for (const entry of input) {
    const skill = parseLine(entry, skillLimits);
    if (!skill.ok) return skill;
    skills.push(skill.value);
  }
  return ok(skills);
};

export const parseUserPatch = (input: UserPatchInput): Result<UserPatch, readonly Issue[]> => {
  const patch = collect({
    username: optional(input.username, parseUsername),
    name: optional(input.name, (name) => nullable(name, parseName)),
    bio: optional(input.bio, (bio) => nullable(bio, parseLongText)),
    occupation: optional(input.occupation, (occupation) => nullable(occupation, parseName)),
    location: optional(input.location, (location) => nullable(location, parseName)),
    avatarUrl: optional(input.avatarUrl, (url) => nullable(url, parseUrl)),
    skills: optional(input.skills, parseSkills),
    experience: optional(input.experience, (experience) => nullable(experience, parseLongText)),
    email: optional(input.email, parseEmail),
    phone: optional(input.phone, (phone) => nullable(phone, parsePhone)),
  } satisfies Record<Changeable, unknown>);
  if (patch.ok && Object.keys(patch.value).length === 0) {
    return fail([{ path: [], code: 'empty', detail: 'at least one field to change is expected' }]);
  }
  return patch;
};

export const newUser = (
  id: UserId,
  fields: Pick<User, 'email' | 'username' | 'phone' | 'name'>,
  nowMs: number,
  role: Role = 'user',
): User => ({
  id,
  ...fields,
  bio: null,
  occupation: null,
  location: null,
  avatarUrl: null,
  skills: [],
  experience: null,
  role,
  isActive: true,
  isVerified: false,
  createdAtMs: nowMs,
  updatedAtMs: nowMs,
  version: 1,
  tokenVersion: 1,
});

/** What a column of PostgreSQL of the type `int` holds. */
export const maxVersion = 2_147_483_647;

/**
 * Versions are compared for being equal and never for being greater, so after the last comes the first: nobody still has a
 * tag or a token of two thousand million changes ago.
 */
export const nextVersion = (version: number): number => (version < maxVersion ? version + 1 : 1);

/** The next version of a user. Every change goes through here, so that none forgets to count the version. */
const next = (user: User, fields: Partial<User>, nowMs: number): User => ({
  ...user,
  ...fields,
  updatedAtMs: Math.max(nowMs, user.updatedAtMs),
  version: nextVersion(user.version),
});

/** Fails if a version is expected that is not the current one (RFC 9110, If-Match). */
export const checkVersion = (
  current: { readonly version: number },
  expected: number | undefined,
): Result<undefined, Failure<'version-conflict'>> =>
  expected === undefined || expected === current.version ? ok(undefined) : fail({ code: 'version-conflict' });

export const applyPatch = (user: User, patch: UserPatch, nowMs: number): User =>
  next(user, definedOnly(patch), nowMs);

/** For a changed password, or signing out everywhere: every token issued before stops working. */
export const revokeTokens = (user: User, nowMs: number): User =>
  next(user, { tokenVersion: nextVersion(user.tokenVersion) }, nowMs);

export const deactivated = (user: User, nowMs: number): User =>
  next(user, { isActive: false, tokenVersion: nextVersion(user.tokenVersion) }, nowMs);

/** Tokens from before the deactivation stay refused. */
export const reactivated = (user: User, nowMs: number): User => next(user, { isActive: true }, nowMs);

export const withRole = (user: User, role: Role, nowMs: number): User => next(user, { role }, nowMs);

/** The last active administrator stays one: otherwise nobody could bring anybody back. */
export const isLastAdmin = ({ role, isActive }: User, otherAdmins: number): boolean =>
  role === 'admin' && isActive && otherAdmins === 0;

export const toProfile = (user: User): Profile => ({
  id: user.id,
  username: user.username,
  name: user.name,
  bio: user.bio,
  occupation: user.occupation,
  location: user.location,
  avatarUrl: user.avatarUrl,
  skills: user.skills,
  experience: user.experience,
  createdAtMs: user.createdAtMs,
  version: user.version,
});

/** Whether the user has this email, username or phone now. This finds out a cached hint that is too old. */
export const goesBy = (user: User, alias: UserAlias): boolean => user[alias.kind] === alias.value;

/** The fields that were sent: `undefined` means "leave it". */
export const definedOnly = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
