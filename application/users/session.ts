import type { AccessTokens } from '../../domain/ports/security.ts';
import type { User } from '../../domain/user.ts';
import type { Session } from '../application.ts';

/** A new session under the user's present token version. */
export const openSession = async (tokens: AccessTokens, user: User): Promise<Session> => ({
  user,
  ...(await tokens.issue({ userId: user.id, tokenVersion: user.tokenVersion })),
});
