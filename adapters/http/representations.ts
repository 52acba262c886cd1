import { z } from 'zod';
import type { ExplainedEntry } from '../../application/application.ts';
import type { UserKey } from '../../domain/identifiers.ts';
import { type Role, roles } from '../../domain/user.ts';
import { problemRows } from './problem-table.ts';

// What answers look like: the types hold wire.ts to it, the schemas document it, and the tests hold every answer to them.

/** What others see of a user. Times are RFC 3339 in UTC with milliseconds. */
export type WireProfile = {
  id: string;
  username: string;
  name: string | null;
  bio: string | null;
  occupation: string | null;
  location: string | null;
  avatar_url: string | null;
  skills: readonly string[];
  experience: string | null;
  created_at: string;
  version: number;
};
export type WireUser = WireProfile & {
  email: string;
  phone: string | null;
  role: Role;
  is_active: boolean;
  is_verified: boolean;
  updated_at: string;
};
export type WireSession = { user: WireUser; access_token: string; token_type: 'Bearer'; expires_in: number };
export type WireContact = {
  id: string;
  first_name: string;
  last_name: string | null;
  email: string | null;
  phone: string | null;
  /** `YYYY-MM-DD` */
  birthday: string | null;
  notes: string | null;
  created_at: string;
  updated_at: string;
  version: number;
};
export type WireContactPage = { items: readonly WireContact[]; total: number; skip: number; limit: number };
export type WireLookUp = {
  users: readonly WireUser[];
  missing: readonly { kind: UserKey['kind']; value: string }[];
};
export type WireExplanation = {
  entries: readonly (Pick<ExplainedEntry, 'record' | 'tier' | 'state' | 'version'> & {
    ttl_ms: number | null;
  })[];
};
export type WireCacheHealth = {
  status: 'healthy' | 'degraded';
  backend: 'redis' | 'memory';
  latency_ms: number | null;
  circuit: 'closed' | 'open' | 'half-open';
};
export type WireWholeCacheHealth = WireCacheHealth & {
  memory_used_bytes: number | null;
  entries_in_memory: number;
  max_staleness_ms: number;
  staleness_ms: number | null;
  pending_invalidations: number | null;
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
const version = z.int().min(1);
const text = z.string();
const textOrNull = z.string().nullable();
const numberOrNull = z.number().nullable();

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
  role: z.enum([...roles]),
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
  first_name: text,
  last_name: textOrNull,
  email: textOrNull,
  phone: textOrNull,
  birthday: z.string().meta({ format: 'date' }).nullable(),
  notes: textOrNull,
  created_at: time,
  updated_at: time,
  version,
});
export const contactPage: z.ZodType<WireContactPage> = z.strictObject({
  items: z.array(contact),
  total: z.int(),
  skip: z.int(),
  limit: z.int(),
});
export const lookUp: z.ZodType<WireLookUp> = z.strictObject({
  users: z.array(user),
  missing: z.array(z.strictObject({ kind: z.enum(['id', 'email', 'username', 'phone']), value: text })),
});
export const explanation: z.ZodType<WireExplanation> = z.strictObject({
  entries: z.array(
    z.strictObject({
      record: z.enum(['user', 'profile', 'email', 'username', 'phone', 'contact-list']),
      tier: z.enum(['memory', 'redis']),
      state: z.enum(['absent', 'value', 'leased', 'fenced', 'unreadable', 'unavailable']),
      version: z.int().nullable(),
      ttl_ms: numberOrNull,
    }),
  ),
});
export const liveness: z.ZodType<{ status: 'alive' }> = z.strictObject({ status: z.literal('alive') });
export const readiness: z.ZodType<{ status: 'ready' }> = z.strictObject({ status: z.literal('ready') });

const cacheHealthFields = {
  status: z.enum(['healthy', 'degraded']),
  backend: z.enum(['redis', 'memory']),
  latency_ms: numberOrNull,
  circuit: z.enum(['closed', 'open', 'half-open']),
};
export const cacheHealth: z.ZodType<WireCacheHealth> = z.strictObject(cacheHealthFields);
export const wholeCacheHealth: z.ZodType<WireWholeCacheHealth> = z.strictObject({
  ...cacheHealthFields,
  memory_used_bytes: numberOrNull,
  entries_in_memory: z.number(),
  max_staleness_ms: z.number(),
  staleness_ms: numberOrNull,
  pending_invalidations: numberOrNull,
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
