import { Secret } from '../../domain/secret.ts';
import type { Account, User } from '../../domain/user.ts';
import { passwordHashText, user, userId } from '../../tests/support/fixtures.ts';

const filler = 'Reads a lot, writes little, and would rather walk. ';

/** The user number `n` (from 1), about 900 bytes as JSON. */
export const person = (n: number): User => user(n, { bio: filler.repeat(5), experience: filler.repeat(2) });

export const personAccount = (n: number): Account => ({
  user: person(n),
  passwordHash: new Secret(passwordHashText),
});

/** The ids of the first so many people, in an order in which neighbours are far apart. */
export const idsOf = (people: number): readonly User['id'][] =>
  Array.from({ length: people }, (_, index) => userId(1 + ((index * 7919) % people)));
