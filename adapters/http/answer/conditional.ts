import type { Freshness, Source } from '../../../application/read.ts';

/** The strong entity tag of a version. */
export const etag = (version: number): string => `"${version}"`;

/** The value of Cache-Status (RFC 9211), by where the answer came from. */
export const cacheStatus: Readonly<Record<Source, string>> = {
  memory: 'kith; hit; detail=memory',
  redis: 'kith; hit; detail=redis',
  stored: 'kith; fwd=miss; stored',
  miss: 'kith; fwd=miss',
  bypass: 'kith; fwd=bypass',
};

/** `Cache-Control: no-cache` in a request asks for the primary database (RFC 9111, section 5.2.1.4). */
export const freshnessOf = (request: Request): Freshness => {
  const control = request.headers.get('cache-control');
  return control !== null && /(?:^|,)[ \t]*no-cache[ \t]*(?:,|$)/i.test(control)
    ? 'authoritative'
    : 'bounded';
};

/** Whether If-None-Match names the version, so that 304 is enough. The comparison is weak: `W/"3"` names version 3. */
export const noneMatchNames = (header: string | null, version: number): boolean => {
  if (header === null) return false;
  const tags = parseEntityTags(header);
  return tags === 'any' || tags.some((tag) => tag.opaque === String(version));
};

/**
 * The versions that If-Match accepts. The comparison is strong: `W/"3"` names no version, nor does a tag that is not
 * ours.
 */
export const acceptedVersions = (header: string | null): 'any' | readonly number[] => {
  if (header === null) return 'any';
  const tags = parseEntityTags(header);
  if (tags === 'any') return 'any';
  return tags
    .filter((tag) => !tag.weak && /^[1-9]\d{0,14}$/.test(tag.opaque))
    .map((tag) => Number(tag.opaque));
};

/** A version that no resource has. The use case compares it in the usual order and so refuses the write. */
const unmet = -1;

/**
 * The version that a write must find, from If-Match; `undefined` if any version will do. If the header has one tag, the
 * use case gets it and compares it under the row's lock. If it has several, the use case gets the one that is current
 * by the primary database. A malformed header names no version, so the write is refused: as if it were absent, the
 * write could overwrite somebody's change.
 */
export const expectedVersion = async (
  header: string | null,
  current: () => Promise<number | undefined>,
): Promise<number | undefined> => {
  const accepted = acceptedVersions(header);
  if (accepted === 'any') return undefined;
  const [first] = accepted;
  if (first === undefined || accepted.length === 1) return first ?? unmet;
  const version = await current();
  return version !== undefined && accepted.includes(version) ? version : unmet;
};

type EntityTag = { readonly weak: boolean; readonly opaque: string };

const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

/** RFC 9110, section 8.8.3. What is no entity tag is left out. */
const parseEntityTags = (header: string): 'any' | readonly EntityTag[] => {
  if (header.trim() === '*') return 'any';
  const tags: EntityTag[] = [];
  // A tag that contains a comma is split into two halves, which are no tags. Ours contain none.
  for (const part of header.split(',')) {
    const [, weak, opaque] = entityTag.exec(part.trim()) ?? [];
    if (opaque !== undefined) tags.push({ weak: weak !== undefined, opaque });
  }
  return tags;
};
