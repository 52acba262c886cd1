import type { Cacheable, RecordKind } from '../../domain/ports/cache.ts';

/** The settings of how long values are kept, in milliseconds; one may serve several kinds. */
export type TtlsMs = {
  readonly user: number;
  readonly profile: number;
  readonly contact: number;
  readonly contactList: number;
};

const minuteMs = 60_000;

export const defaultTtlsMs: TtlsMs = {
  user: 5 * minuteMs,
  profile: 3 * minuteMs,
  contact: 30 * minuteMs,
  contactList: 30 * minuteMs,
};

/** A kind of Kith's own, whose TTL can be configured. */
export type ConfigurableKind<V extends Cacheable> = RecordKind<V> & { readonly ttl: keyof TtlsMs };
