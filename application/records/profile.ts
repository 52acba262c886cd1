import type { UserId, Username } from '../../domain/identifiers.ts';
import type { Codec } from '../../domain/ports/cache.ts';
import type { Profile } from '../../domain/user.ts';
import { type Fields, isCount, isText, isTextOrNull, isTexts, isTime, rawFrom } from './fields.ts';
import { rowsOf } from './origins.ts';
import { type ConfigurableKind, defaultTtlsMs } from './ttls.ts';

const codec: Codec<Profile> = {
  schema: 1,
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
    } satisfies Fields<Profile>),
  decode: (text, key) => {
    const raw = rawFrom<Profile>(text);
    if (raw === undefined || raw.id !== key) return undefined;
    const { username, name, bio, occupation, location, avatarUrl, skills, experience } = raw;
    const { createdAtMs, version } = raw;
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

/** What others may see of a user, by id. */
export const profiles: ConfigurableKind<Profile> = {
  name: 'profiles',
  pattern: 'user:profile:{user}',
  isHint: false,
  origin: rowsOf('users'),
  ttl: 'profile',
  ttlMs: defaultTtlsMs.profile,
  codec,
};
