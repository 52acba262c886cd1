import type { Failure } from '../domain/failures.ts';
import { fail, type Result } from '../domain/result.ts';

/**
 * Where an answer came from: a tier; the primary database, stored on the way (`stored`) or not (`miss`); or the primary
 * database because the caller asked for it (`bypass`). It becomes RFC 9211's Cache-Status.
 */
export type Source = 'memory' | 'redis' | 'stored' | 'miss' | 'bypass';

export type Read<T> = { readonly value: T; readonly source: Source };

/**
 * How old an answer may be, and where it may come from: `bounded` by the promises of caching/protocol.ts, `authoritative`,
 * which is read from the primary database now, or `cached`, which is bounded too and comes from a cache or not at all.
 */
export type Freshness = 'bounded' | 'authoritative' | 'cached';

/** The failure of a read that found nothing. What no cache holds may be there all the same. */
export const notFound = <Code extends 'user-not-found' | 'contact-not-found'>(
  code: Code,
  freshness: Freshness | undefined,
): Result<never, { readonly code: Code } | Failure<'not-cached'>> =>
  fail(freshness === 'cached' ? { code: 'not-cached' } : { code });
