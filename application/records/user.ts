import type { Email, Phone, UserId, Username } from '../../domain/identifiers.ts';
import type { Codec } from '../../domain/ports/cache.ts';
import type { Role, User } from '../../domain/user.ts';
import { type Fields, isCount, isFlag, isText, isTextOrNull, isTexts, isTime, rawFrom } from './fields.ts';
import { rowsOf } from './origins.ts';
import { type ConfigurableKind, defaultTtlsMs } from './ttls.ts';

const codec: Codec<User> = {
  schema: 1,
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
    } satisfies Fields<User>),
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

const isRole = (field: unknown): field is Role => field === 'user' || field === 'admin';

/** A whole user, by id. */
export const users: ConfigurableKind<User> = {
  name: 'users',
  pattern: 'user:id:{user}',
  isHint: false,
  origin: rowsOf('users'),
  ttl: 'user',
  ttlMs: defaultTtlsMs.user,
  codec,
};
