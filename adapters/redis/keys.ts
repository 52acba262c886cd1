import { createHmac } from 'node:crypto';
import { nameIn } from '../../application/records/keys.ts';
import type { Cacheable, RecordKind } from '../../domain/ports/cache.ts';
import { Secret } from '../../domain/secret.ts';

const digestBytes = 16;

/**
 * Turns the keys of a kind into names in Redis. The key of a hint goes in as HMAC-SHA256 (RFC 2104), cut to 128 bits: a dump
 * of the names tells nothing about persons to anybody without the HMAC's key, and a name cannot be guessed.
 */
export const namesOf = (
  kind: RecordKind<Cacheable>,
  prefix: string,
  hmacKey: Secret<string>,
): ((key: string) => string) => {
  const hide = (key: string): string => {
    const digest = createHmac('sha256', Secret.reveal(hmacKey)).update(`${kind.name}:${key}`).digest();
    return digest.subarray(0, digestBytes).toString('base64url');
  };
  const name = nameIn(kind, hide);
  return (key) => prefix + name(key);
};

/** The channel on which invalidations are published. */
export const busChannel = (prefix: string): string => `${prefix}bus`;

/** Where processes ask each other for receipts; and where one of them is answered. */
export const receiptChannel = (prefix: string, asker?: string): string =>
  `${prefix}receipts${asker === undefined ? '' : `:${asker}`}`;

/** The key, and the channel, by which the guard finds out what it may do. Nobody reads it. */
export const probeName = (prefix: string): string => `${prefix}probe`;

/** A pattern for SCAN that matches every name with the prefix, whatever the prefix contains. */
export const namesPattern = (prefix: string): string => `${prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`;

/** A number from a text, evenly spread over 32 bits: FNV-1a. */
export const hash = (text: string): number => {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
};

/** The chance that comes with a random token, in [0, 1). */
export const chanceIn = (token: string): number => hash(token) / 2 ** 32;
