import type {
  CacheStatus,
  ContactListing,
  ExplainedEntry,
  LookUpOutput,
  Session,
} from '../../../application/application.ts';
import type { Contact, ContactInput } from '../../../domain/contact.ts';
import { Secret } from '../../../domain/secret.ts';
import type { Profile, User, UserPatchInput } from '../../../domain/user.ts';
import type { Every } from './names.ts';
import type {
  WireCacheHealth,
  WireContact,
  WireContactPage,
  WireExplanation,
  WireLookUp,
  WireProfile,
  WireSession,
  WireUser,
  WireWholeCacheHealth,
} from './representations.ts';
import type { ChangeProfileBody, ContactBody } from './schemas.ts';

// Each representation lists its fields, so nothing gets out by accident. A field that none of them has does not compile until
// it is in a list here, or left out by name in representations.ts.

const time = (ms: number): string => new Date(ms).toISOString();

/** What users say of themselves: a part of both representations. */
const aboutToWire = (about: Profile) => ({
  name: about.name,
  bio: about.bio,
  occupation: about.occupation,
  location: about.location,
  avatar_url: about.avatarUrl,
  skills: about.skills,
  experience: about.experience,
});

export const userToWire = (user: User): WireUser => ({
  id: user.id,
  email: user.email,
  username: user.username,
  phone: user.phone,
  ...aboutToWire(user),
  role: user.role,
  is_active: user.isActive,
  is_verified: user.isVerified,
  created_at: time(user.createdAtMs),
  updated_at: time(user.updatedAtMs),
  version: user.version,
});

export const profileToWire = (profile: Profile): WireProfile => ({
  id: profile.id,
  username: profile.username,
  ...aboutToWire(profile),
  created_at: time(profile.createdAtMs),
  version: profile.version,
});

/** The only place where an access token becomes text again. */
export const sessionToWire = ({ user, token, expiresInSeconds }: Session): WireSession => ({
  user: userToWire(user),
  access_token: Secret.reveal(token),
  token_type: 'Bearer',
  expires_in: expiresInSeconds,
});

export const contactToWire = (contact: Contact): WireContact => ({
  id: contact.id,
  first_name: contact.firstName,
  last_name: contact.lastName,
  organization: contact.organization,
  email: contact.email,
  phone: contact.phone,
  birthday: contact.birthday,
  notes: contact.notes,
  created_at: time(contact.createdAtMs),
  updated_at: time(contact.updatedAtMs),
  version: contact.version,
});

export const contactPageToWire = ({
  items,
  total,
  skip,
  limit,
  nextCursor,
}: ContactListing): WireContactPage => ({
  items: items.map(contactToWire),
  total,
  skip,
  limit,
  next_cursor: nextCursor,
});

export const lookUpToWire = ({ users, missing }: LookUpOutput): WireLookUp => ({
  users: users.map(userToWire),
  missing: missing.map(({ kind, value }) => ({ kind, value })),
});

export const explanationToWire = (entries: readonly ExplainedEntry[]): WireExplanation => ({
  entries: entries.map(({ record, tier, state, version, ttlMs, disbelief }) => ({
    record,
    tier,
    state,
    version,
    ttl_ms: ttlMs,
    disbelief,
  })),
});

/** For everybody: whether the cache works, and nothing about how much it is used. */
export const cacheHealthToWire = (health: CacheStatus): WireCacheHealth => ({
  status: health.status,
  backend: health.backend,
  latency_ms: health.latencyMs,
  circuit: health.circuit,
});

export const wholeCacheHealthToWire = (health: CacheStatus): WireWholeCacheHealth => ({
  ...cacheHealthToWire(health),
  memory_used_bytes: health.memoryUsedBytes,
  entries_in_memory: health.entriesInMemory,
  max_staleness_ms: health.maxStalenessMs,
  staleness_ms: health.stalenessMs,
  gate: health.gate,
  stats: {
    hits: health.statistics.hits,
    misses: health.statistics.misses,
    hit_rate_percent: health.statistics.hitRatePercent,
    total_lookups: health.statistics.totalLookups,
    invalidations: health.statistics.invalidations,
    by_tier: {
      memory: health.statistics.byTier.memory,
      redis: health.statistics.byTier.redis,
      database: health.statistics.byTier.database,
    },
  },
});

export const profileChangeFromWire = (
  body: ChangeProfileBody,
): Every<UserPatchInput> & { readonly currentPassword: string | undefined } => ({
  username: body.username,
  name: body.name,
  bio: body.bio,
  occupation: body.occupation,
  location: body.location,
  avatarUrl: body.avatar_url,
  skills: body.skills,
  experience: body.experience,
  email: body.email,
  phone: body.phone,
  currentPassword: body.current_password,
});

export const contactFromWire = (body: ContactBody): ContactInput & Every<ContactInput> => ({
  firstName: body.first_name,
  lastName: body.last_name,
  organization: body.organization,
  email: body.email,
  phone: body.phone,
  birthday: body.birthday,
  notes: body.notes,
});
