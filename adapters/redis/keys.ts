import { createHmac } from 'node:crypto';
import type { Kind } from '../../domain/ports/cache.ts';
import { Secret } from '../../domain/secret.ts';

/** Turns the key of a kind of record into a name in Redis. */
export type KeyNames = { readonly [K in Kind]: (key: string) => string };

const digestBytes = 16;

/**
 * The grammar of names. Email, username and phone go in as HMAC-SHA256 (RFC 2104), cut to 128 bits: a dump of the names
 * tells nothing about persons to anybody without the key, and a name cannot be guessed.
 */
export const keyNames = (prefix: string, hmacKey: Secret<string>): KeyNames => {
  const alias = (field: string) => (key: string) => {
    const digest = createHmac('sha256', Secret.reveal(hmacKey)).update(`${field}:${key}`).digest();
    return `${prefix}user:${field}:${digest.subarray(0, digestBytes).toString('base64url')}`;
  };
  return {
    users: (key) => `${prefix}user:id:${key}`,
    profiles: (key) => `${prefix}user:profile:${key}`,
    emails: alias('email'),
    usernames: alias('username'),
    phones: alias('phone'),
    contacts: (key) => `${prefix}contact:${key}`,
    lists: (key) => `${prefix}contacts:${key}`,
    pages: (key) => `${prefix}contacts:${key}`,
  };
};

/** The channel on which invalidations are published. */
export const busChannel = (prefix: string): string => `${prefix}bus`;

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
