/**
 * Where an answer came from: a tier; the primary database, stored on the way (`stored`) or not (`miss`); or the primary
 * database because the caller asked for it (`bypass`). It becomes RFC 9211's Cache-Status.
 */
export type Source = 'memory' | 'redis' | 'stored' | 'miss' | 'bypass';

export type Read<T> = { readonly value: T; readonly source: Source };

/**
 * How old an answer may be: `bounded` by the promises of caching/protocol.ts, or `authoritative`: read from the primary
 * database now.
 */
export type Freshness = 'bounded' | 'authoritative';
