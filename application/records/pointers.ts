import type { UserAlias, UserId } from '../../domain/identifiers.ts';
import type { Codec } from '../../domain/ports/cache.ts';
import { type ConfigurableKind, defaultTtlsMs } from './ttls.ts';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * An id cannot be checked against its key here. That is done with the user whom it leads to
 * (caching/user-directory.ts).
 */
const codec: Codec<UserId> = {
  schema: 1,
  encode: (id) => JSON.stringify(id),
  decode: (text) => {
    const id = text.slice(1, -1);
    return text === `"${id}"` && uuid.test(id) ? (id as UserId) : undefined;
  },
};

/** From what somebody goes by, in canonical form, to the id of whoever had it: a hint, to be verified on the user. */
const pointer = (name: string, alias: UserAlias['kind']): ConfigurableKind<UserId> => ({
  name,
  pattern: `user:${alias}:{${alias}}`,
  isHint: true,
  origin: undefined,
  ttl: 'user',
  ttlMs: defaultTtlsMs.user,
  codec,
});

export const pointers: { readonly [Alias in UserAlias['kind']]: ConfigurableKind<UserId> } = {
  email: pointer('emails', 'email'),
  username: pointer('usernames', 'username'),
  phone: pointer('phones', 'phone'),
};
