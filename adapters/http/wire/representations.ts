import { z } from 'zod';
import type { CacheStatus, ExplainedEntry } from '../../../application/application.ts';
import type { Contact } from '../../../domain/contact.ts';
import type { UserKey } from '../../../domain/identifiers.ts';
import type { Disbelief } from '../../../domain/ports/cache.ts';
import { maxVersion, type Profile, roles, type User } from '../../../domain/user.ts';
import { problemRows } from '../answer/problem-table.ts';
import type { All, Wire } from './names.ts';
import { birthdayForm } from './schemas.ts';

// What answers look like, as types, which bind wire.ts, and as schemas, which OpenAPI shows and the tests apply to
// every answer.

/** What others see of a user. Times are RFC 3339 in UTC with milliseconds. */
export type WireProfile = Wire<Profile>;
/**
 * What users see of themselves, and administrators of them. Everything but the counter that makes old tokens invalid.
 */
export type WireUser = Wire<Omit<User, 'tokenVersion'>>;
export type WireSession = { user: WireUser; access_token: string; token_type: 'Bearer'; expires_in: number };
/** Without the owner, who is always the one who asks. `birthday` is `YYYY-MM-DD` or `--MM-DD`. */
export type WireContact = Wire<Omit<Contact, 'ownerId'>>;
/** `skip` is `null` for a page by cursor, `next_cursor` for the last page. */
export type WireContactPage = {
  items: readonly WireContact[];
  total: number;
  skip: number | null;
  limit: number;
  next_cursor: string | null;
};
export type WireLookUp = {
  users: readonly WireUser[];
  missing: readonly { kind: UserKey['kind']; value: string }[];
};
export type WireExplanation = {
  entries: readonly (Pick<ExplainedEntry, 'record' | 'tier' | 'state' | 'version' | 'disbelief'> & {
    ttl_ms: number | null;
  })[];
};
export type WireCacheHealth = Pick<CacheStatus, 'status' | 'backend' | 'circuit'> & {
  latency_ms: number | null;
};
export type WireWholeCacheHealth = WireCacheHealth & {
  memory_used_bytes: number | null;
  entries_in_memory: number;
  max_staleness_ms: number;
  staleness_ms: number | null;
  gate: CacheStatus['gate'];
  stats: {
    hits: number;
    misses: number;
    hit_rate_percent: number;
    total_lookups: number;
    invalidations: number;
    by_tier: { memory: number; redis: number; database: number };
  };
};
/** RFC 9457. */
export type WireProblem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  errors?: readonly { pointer: string; detail: string; code: string }[] | undefined;
};

const id = z.string().meta({ format: 'uuid' });
const time = z.string().meta({ format: 'date-time' });
const version = z.int().min(1).max(maxVersion);
const text = z.string();
const textOrNull = z.string().nullable();
const numberOrNull = z.number().nullable();

const tiers: All<ExplainedEntry['tier']> = { memory: 'memory', redis: 'redis' };
const backends: All<WireCacheHealth['backend']> = { ...tiers, upstash: 'upstash' };
const states: All<ExplainedEntry['state']> = {
  absent: 'absent',
  value: 'value',
  leased: 'leased',
  fenced: 'fenced',
  unreadable: 'unreadable',
  unavailable: 'unavailable',
};
const disbeliefs: All<Disbelief> = {
  unproved: 'unproved',
  unchecked: 'unchecked',
  'other-epoch': 'other-epoch',
  outdated: 'outdated',
};
const records: All<ExplainedEntry['record']> = {
  user: 'user',
  profile: 'profile',
  email: 'email',
  username: 'username',
  phone: 'phone',
  'contact-list': 'contact-list',
};
const keys: All<UserKey['kind']> = { id: 'id', email: 'email', username: 'username', phone: 'phone' };
const statuses: All<CacheStatus['status']> = { healthy: 'healthy', degraded: 'degraded' };
const circuits: All<CacheStatus['circuit']> = { closed: 'closed', open: 'open', 'half-open': 'half-open' };
const gates: All<CacheStatus['gate']> = {
  open: 'open',
  closed: 'closed',
  'without-database': 'without-database',
};

const profileFields = {
  id,
  username: text,
  name: textOrNull,
  bio: textOrNull,
  occupation: textOrNull,
  location: textOrNull,
  avatar_url: textOrNull,
  skills: z.array(text),
  experience: textOrNull,
  created_at: time,
  version,
};

export const profile: z.ZodType<WireProfile> = z.strictObject(profileFields);
export const user: z.ZodType<WireUser> = z.strictObject({
  ...profileFields,
  email: text,
  phone: textOrNull,
  role: z.enum(roles),
  is_active: z.boolean(),
  is_verified: z.boolean(),
  updated_at: time,
});
export const session: z.ZodType<WireSession> = z.strictObject({
  user,
  access_token: text,
  token_type: z.literal('Bearer'),
  expires_in: z.int().min(1).meta({ description: 'seconds' }),
});
export const contact: z.ZodType<WireContact> = z.strictObject({
  id,
  first_name: textOrNull,
  last_name: textOrNull,
  organization: textOrNull,
  email: textOrNull,
  phone: textOrNull,
  birthday: z.string().meta(birthdayForm).nullable(),
  notes: textOrNull,
  created_at: time,
  updated_at: time,
  version,
});
export const contactPage: z.ZodType<WireContactPage> = z.strictObject({
  items: z.array(contact),
  total: z.int(),
  skip: z.int().nullable().meta({ description: 'null for a page by cursor' }),
  limit: z.int(),
  next_cursor: textOrNull.meta({ description: 'the cursor of the next page; null for the last one' }),
});
export const lookUp: z.ZodType<WireLookUp> = z.strictObject({
  users: z.array(user),
  missing: z.array(z.strictObject({ kind: z.enum(keys), value: text })),
});
export const explanation: z.ZodType<WireExplanation> = z.strictObject({
  entries: z.array(
    z.strictObject({
      record: z.enum(records),
      tier: z.enum(tiers),
      state: z.enum(states),
      version: z.int().nullable(),
      ttl_ms: numberOrNull,
      disbelief: z.enum(disbeliefs).nullable(),
    }),
  ),
});
export const liveness: z.ZodType<{ status: 'alive' }> = z.strictObject({ status: z.literal('alive') });
export const readiness: z.ZodType<{ status: 'ready' }> = z.strictObject({ status: z.literal('ready') });

const cacheHealthFields = {
  status: z.enum(statuses),
  backend: z
    .enum(backends)
    .meta({ description: 'what is asked behind memory; upstash is a Redis over REST' }),
  latency_ms: numberOrNull,
  circuit: z.enum(circuits),
};
export const cacheHealth: z.ZodType<WireCacheHealth> = z.strictObject(cacheHealthFields);
export const wholeCacheHealth: z.ZodType<WireWholeCacheHealth> = z.strictObject({
  ...cacheHealthFields,
  memory_used_bytes: numberOrNull,
  entries_in_memory: z.number(),
  max_staleness_ms: z.number(),
  staleness_ms: numberOrNull,
  gate: z.enum(gates).meta({ description: 'whether caches may be read at all' }),
  stats: z.strictObject({
    hits: z.number(),
    misses: z.number(),
    hit_rate_percent: z.number(),
    total_lookups: z.number(),
    invalidations: z.number(),
    by_tier: z.strictObject({ memory: z.number(), redis: z.number(), database: z.number() }),
  }),
});

const pointer = z.string().meta({ description: 'RFC 6901, as a URI fragment', examples: ['#/email'] });
export const problemBody: z.ZodType<WireProblem> = z.strictObject({
  type: text,
  title: text,
  status: z.int(),
  detail: text,
  instance: z.string().meta({ description: 'the request id' }),
  code: z.enum(Object.keys(problemRows)),
  errors: z.array(z.strictObject({ pointer, detail: text, code: text })).optional(),
});
