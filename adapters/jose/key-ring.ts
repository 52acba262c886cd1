import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Secret } from '../../domain/secret.ts';

/** A text of at least 32 random bytes. */
export type SigningSecret = Secret<'signing-secret'>;

/** A key with the name that tokens carry in `kid`. As a `KeyObject` it does not print. */
export type Key = { readonly id: string; readonly key: KeyObject };

export type KeyRing = { readonly signing: Key; readonly byId: ReadonlyMap<string, KeyObject> };

/** Keys rotate without signing anyone out: a new secret is put first, and the old one verifies until its tokens expired. */
export const keyRing = ([first, ...others]: readonly [SigningSecret, ...SigningSecret[]]): KeyRing => {
  const signing = toKey(first);
  return { signing, byId: new Map([signing, ...others.map(toKey)].map(({ id, key }) => [id, key])) };
};

const toKey = (secret: SigningSecret): Key => {
  const text = Secret.reveal(secret);
  // A short digest under a name of its own: 66 public bits that say nothing about a signature.
  const id = createHmac('sha256', text).update('kith key id').digest('base64url').slice(0, 11);
  return { id, key: createSecretKey(text, 'utf8') };
};
