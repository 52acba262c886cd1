import { hash } from 'node:crypto';
import { errors, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { parseUserId } from '../../domain/identifiers.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import type { AccessTokens, TokenClaims } from '../../domain/ports/security.ts';
import { type AccessToken, Secret } from '../../domain/secret.ts';
import { type Key, keyRing, type SigningSecret } from './key-ring.ts';

export type AccessTokenNeeds = {
  /** The first signs, all verify. */
  readonly secrets: readonly [SigningSecret, ...SigningSecret[]];
  readonly ttlSeconds: number;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly ids: Pick<Ids, 'token'>;
  readonly issuer?: string;
  readonly audience?: string;
  readonly maxMemoEntries?: number;
};

type Verified = { readonly claims: TokenClaims; readonly expiresAtMs: number };

const maxTokenCharacters = 1024;
// The signature is 32 bytes: 43 characters, of which the last carries 4 bits. A decoder ignores the other two, as well
// as padding and line feeds. Without this check one token could be written in many ways.
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/;
/** How far the clock of another instance, which issued the token, may be ahead of ours. */
const clockToleranceSeconds = 5;
const requiredClaims = ['iss', 'aud', 'sub', 'iat', 'exp', 'jti', 'tv'];

/**
 * HS256 tokens after RFC 9068 (`typ` at+jwt) with the user's token version in `tv`. A verified token is remembered
 * until it expires, by the digest of its exact text, so that a repeated one costs a hash and no signature check. What
 * is remembered is that the token is genuine, and nothing about its user. So it need not be forgotten when tokens are
 * revoked.
 */
export class JoseAccessTokens implements AccessTokens {
  readonly #needs: AccessTokenNeeds;
  readonly #names: { readonly issuer: string; readonly audience: string };
  readonly #signingKey: Key;
  readonly #findKey: JWTVerifyGetKey;
  readonly #memo: LRUCache<string, Verified>;

  constructor(needs: AccessTokenNeeds) {
    const { secrets, issuer = 'kith', audience = 'kith', maxMemoEntries = 10_000 } = needs;
    this.#needs = needs;
    this.#names = { issuer, audience };
    const ring = keyRing(secrets);
    this.#signingKey = ring.signing;
    this.#findKey = ({ kid }) => {
      const key = kid === undefined ? undefined : ring.byId.get(kid);
      if (key === undefined) throw new errors.JWKSNoMatchingKey();
      return key;
    };
    this.#memo = new LRUCache({ max: maxMemoEntries });
  }

  async issue({
    userId,
    tokenVersion,
  }: TokenClaims): Promise<{ token: AccessToken; expiresInSeconds: number }> {
    const { clock, ids, ttlSeconds } = this.#needs;
    const issuedAtSeconds = Math.floor(clock.nowMs() / 1000);
    const token = await new SignJWT({ tv: tokenVersion })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: this.#signingKey.id })
      .setIssuer(this.#names.issuer)
      .setAudience(this.#names.audience)
      .setSubject(userId)
      .setIssuedAt(issuedAtSeconds)
      .setExpirationTime(issuedAtSeconds + ttlSeconds)
      .setJti(ids.token())
      .sign(this.#signingKey.key);
    return { token: new Secret(token), expiresInSeconds: ttlSeconds };
  }

  async verify(token: string): Promise<TokenClaims | undefined> {
    if (token.length > maxTokenCharacters) return undefined;
    const digest = hash('sha256', token, 'base64');
    const known = this.#memo.get(digest);
    const verified = known ?? (compactForm.test(token) ? await this.#check(token) : undefined);
    if (verified === undefined) return undefined;
    if (verified.expiresAtMs <= this.#needs.clock.nowMs()) {
      this.#memo.delete(digest);
      return undefined;
    }
    if (known === undefined) this.#memo.set(digest, verified);
    return verified.claims;
  }

  async #check(token: string): Promise<Verified | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#findKey, {
        algorithms: ['HS256'],
        typ: 'at+jwt',
        ...this.#names,
        requiredClaims,
        maxTokenAge: this.#needs.ttlSeconds,
        // For `iat`; `verify` gives `exp` none.
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(this.#needs.clock.nowMs()),
      });
      return parseClaims(payload);
    } catch (error) {
      // What jose says of a token is its sender's doing; anything else is a fault of ours.
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

const parseClaims = ({ sub, tv, exp, jti }: Record<string, unknown>): Verified | undefined => {
  const userId = parseUserId(sub);
  if (!userId.ok || !isCount(tv) || typeof exp !== 'number' || typeof jti !== 'string') return undefined;
  return { claims: { userId: userId.value, tokenVersion: tv }, expiresAtMs: exp * 1000 };
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1;
