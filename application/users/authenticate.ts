import type { AccessTokens, TokenClaims } from '../../domain/ports/security.ts';
import { fail, ok } from '../../domain/result.ts';
import type { User } from '../../domain/user.ts';
import type { Authenticate } from '../application.ts';
import type { UserDirectory } from '../directories.ts';
import type { Read } from '../read.ts';

export type AuthenticateNeeds = { readonly tokens: AccessTokens; readonly directory: UserDirectory };

export const authenticate =
  ({ tokens, directory }: AuthenticateNeeds): Authenticate =>
  async (token, freshness) => {
    const claims = await tokens.verify(token);
    if (claims === undefined) return fail({ code: 'invalid-token' });
    const key = { kind: 'id', value: claims.userId } as const;
    let read = await directory.find(key, freshness);
    // A cached user may be older than the token. It can let somebody in within the promised bound, but not lock them out.
    if (!accepts(read, claims)) {
      if (freshness === 'cached') return fail({ code: 'not-cached' });
      if (isCached(read)) read = await directory.find(key, 'authoritative');
    }
    return read !== undefined && accepts(read, claims) ? ok(read) : fail({ code: 'invalid-token' });
  };

const accepts = (read: Read<User> | undefined, claims: TokenClaims): boolean =>
  read?.value.isActive === true && read.value.tokenVersion === claims.tokenVersion;

const isCached = (read: Read<User> | undefined): boolean =>
  read?.source === 'memory' || read?.source === 'redis';
