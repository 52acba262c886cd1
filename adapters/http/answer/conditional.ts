import type { Freshness, Source } from '../../../application/read.ts';

/** What an entity tag is made of. The id is the canonical one, not as somebody wrote it in a path. */
export type Tagged = { readonly id: string; readonly version: number };

/**
 * The strong entity tag of a version. The id is in it because `/me` is another resource for each user: with the version
 * alone one user's tag would name the version of another. The whole id, for ids may be anybody's UUIDs, which may agree in
 * any part.
 */
export const etag = (resource: Tagged): string => `"${opaqueOf(resource)}"`;

const opaqueOf = ({ id, version }: Tagged): string => `${id}-${version}`;

/** The value of Cache-Status (RFC 9211), by where the answer came from. */
export const cacheStatus: Readonly<Record<Source, string>> = {
  memory: 'kith; hit; detail=memory',
  redis: 'kith; hit; detail=redis',
  stored: 'kith; fwd=miss; stored',
  miss: 'kith; fwd=miss',
  bypass: 'kith; fwd=bypass',
};

/**
 * `Cache-Control: no-cache` in a request asks for the primary database, `only-if-cached` for anything but it (RFC 9111,
 * sections 5.2.1.4 and 5.2.1.7). Where both are sent, the database is asked: an answer is better than none.
 */
export const freshnessOf = (request: Request): Freshness => {
  const control = request.headers.get('cache-control');
  if (control === null) return 'bounded';
  if (/(?:^|,)[ \t]*no-cache[ \t]*(?:,|$)/i.test(control)) return 'authoritative';
  return /(?:^|,)[ \t]*only-if-cached[ \t]*(?:,|$)/i.test(control) ? 'cached' : 'bounded';
};

/** Whether If-None-Match names the version, so that 304 is enough. The comparison is weak: `W/` makes no difference. */
export const noneMatchNames = (header: string | null, resource: Tagged): boolean => {
  if (header === null) return false;
  const tags = parseEntityTags(header);
  if (tags === 'any') return true;
  const current = opaqueOf(resource);
  return tags.some(({ opaque }) => opaque === current);
};

/** The headers that make a write depend on what is there (RFC 9110, sections 13.1.1 and 13.1.2). */
export type Preconditions = { readonly ifMatch: string | null; readonly ifNoneMatch: string | null };

export const preconditionsOf = (header: (name: string) => string | null): Preconditions => ({
  ifMatch: header('if-match'),
  ifNoneMatch: header('if-none-match'),
});

/** A version that no resource has. The use case compares it in the usual order and so refuses the write. */
const unmet = -1;

/**
 * The version that a write must find; `undefined` if any version will do. If If-Match has one tag, the use case gets it and
 * compares it under the row's lock. If it has several, or If-None-Match names a version, the use case gets the one that is
 * current by the primary database, if that meets both. A malformed header refuses the write: as if it were absent, the
 * write could overwrite somebody's change. `If-None-Match: *` asks that nothing be there, and a write changes what is.
 */
export const expectedVersion = async (
  { ifMatch, ifNoneMatch }: Preconditions,
  id: string,
  current: () => Promise<number | undefined>,
): Promise<number | undefined> => {
  const accepted = acceptedVersions(ifMatch, id);
  const refused = refusedVersions(ifNoneMatch, id);
  if (refused === 'any') return unmet;
  if (refused.length === 0) {
    if (accepted === 'any') return undefined;
    const [first] = accepted;
    if (first === undefined || accepted.length === 1) return first ?? unmet;
  }
  const version = await current();
  const meets =
    version !== undefined && (accepted === 'any' || accepted.includes(version)) && !refused.includes(version);
  return meets ? version : unmet;
};

type Versions = 'any' | readonly number[];

/** The versions that If-Match accepts. The comparison is strong: a weak tag names none, nor does one that is not ours. */
const acceptedVersions = (header: string | null, id: string): Versions => {
  if (header === null) return 'any';
  const tags = parseEntityTags(header);
  return tags === 'any'
    ? 'any'
    : versionsIn(
        tags.filter(({ weak }) => !weak),
        id,
      );
};

/** The versions that If-None-Match refuses, by the weak comparison. */
const refusedVersions = (header: string | null, id: string): Versions => {
  if (header === null) return [];
  const tags = parseEntityTags(header);
  return tags === 'any' || tags.length === 0 ? 'any' : versionsIn(tags, id);
};

const versionsIn = (tags: readonly EntityTag[], id: string): readonly number[] =>
  tags
    .filter(({ opaque }) => opaque.startsWith(`${id}-`))
    .map(({ opaque }) => opaque.slice(id.length + 1))
    .filter((version) => /^[1-9]\d{0,14}$/.test(version))
    .map(Number);

type EntityTag = { readonly weak: boolean; readonly opaque: string };

// A tag may contain commas, but neither quotes nor spaces.
const entityTag = /(?:^|,)[ \t]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?=,|$)/g;

/** RFC 9110, section 8.8.3. What is no entity tag is left out. */
const parseEntityTags = (header: string): 'any' | readonly EntityTag[] =>
  header.trim() === '*'
    ? 'any'
    : [...header.matchAll(entityTag)].map(([, weak, opaque = '']) => ({ weak: weak !== undefined, opaque }));
