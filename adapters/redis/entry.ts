import type { Cacheable, CacheRead, Codec } from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import { bounded, formatSnapshot, snapshotIn } from '../../domain/snapshot.ts';

/**
 * What a key holds, as text: `F:<token>`, a fence; `L:<token>`, a lease; `V<schema>:<epoch> <snapshot> <text>`, a value with
 * its proof, where a `-` stands for none.
 */
export const fenceOf = (token: string): string => `F:${token}`;
export const leaseOf = (token: string): string => `L:${token}`;
export const valuePrefix = ({ schema }: Pick<Codec<Cacheable>, 'schema'>): string => `V${schema}:`;

/** So many transactions in progress are told of a snapshot; with more it claims to have seen less. */
const maxInProgress = 8;

/** Of a `Proof`'s epoch. */
const epochLength = 8;

const headerOf = (codec: Pick<Codec<Cacheable>, 'schema'>, proof: Proof | undefined): string => {
  const told = proof && `${proof.epoch} ${formatSnapshot(bounded(proof.snapshot, maxInProgress))}`;
  return `${valuePrefix(codec)}${told ?? '-'} `;
};

/** The text of a value, or `undefined` if it is larger than a value may be. */
export const textOf = <V extends Cacheable>(
  value: V,
  key: string,
  codec: Codec<V>,
  proof: Proof | undefined,
  maxBytes: number,
): string | undefined => {
  const text = headerOf(codec, proof) + codec.encode(value, key);
  return isWithin(text, maxBytes) ? text : undefined;
};

export const fenced: CacheRead<never> = { state: 'fenced' };
export const filling: CacheRead<never> = { state: 'filling' };
export const unavailable: CacheRead<never> = { state: 'unavailable' };

/** A value as it lies in Redis. */
export type Entry<V> = {
  readonly state: 'value';
  readonly value: V;
  readonly proof: Proof | undefined;
  readonly text: string;
  /** Where the value begins in the text, behind its header. */
  readonly valueAt: number;
};

/** What a value begins with: another value of its key that begins like it proves no more. */
export const headerIn = ({ text, valueAt }: Pick<Entry<unknown>, 'text' | 'valueAt'>): string =>
  text.slice(0, valueAt);

/** What was read from a key that is not absent. */
export const parseEntry = <V extends Cacheable>(
  text: string,
  key: string,
  codec: Codec<V>,
  maxBytes: number,
): CacheRead<V> | Entry<V> | 'unreadable' => {
  const prefix = valuePrefix(codec);
  if (text.startsWith(prefix))
    return (isWithin(text, maxBytes) && parseValue(text, prefix.length, key, codec)) || 'unreadable';
  if (text.startsWith('F:')) return fenced;
  if (text.startsWith('L:')) return filling;
  // Another version of this program wrote it, and reads it: it is not ours to replace.
  return /^V\d+:/.test(text) ? unavailable : 'unreadable';
};

/** Of each hit: nothing is matched, and nothing is cut out of the text but what is kept. */
const parseValue = <V extends Cacheable>(
  text: string,
  epochAt: number,
  key: string,
  codec: Codec<V>,
): Entry<V> | undefined => {
  const isProved = text.charCodeAt(epochAt) !== dash;
  const epochEnd = epochAt + (isProved ? epochLength : 1);
  if (text.charCodeAt(epochEnd) !== space) return undefined;
  let valueAt = epochEnd + 1;
  let proof: Proof | undefined;
  if (isProved) {
    const snapshotEnd = text.indexOf(' ', valueAt);
    const snapshot = snapshotIn(text, valueAt, snapshotEnd);
    if (snapshot === undefined) return undefined;
    proof = { epoch: text.slice(epochAt, epochEnd), snapshot };
    valueAt = snapshotEnd + 1;
  }
  const value = codec.decode(text.slice(valueAt), key);
  return value === undefined ? undefined : { state: 'value', value, proof, text, valueAt };
};

const dash = 45;
const space = 32;

/** Whether a text has at most so many bytes in UTF-8, counted only where it could be more. */
export const isWithin = (text: string, maxBytes: number): boolean =>
  text.length * 3 <= maxBytes ||
  (text.length <= maxBytes && new TextEncoder().encode(text).length <= maxBytes);
