import { Buffer } from 'node:buffer';
import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { type AccessTokenNeeds, JoseAccessTokens } from '../../../adapters/jose/jose-access-tokens.ts';
import { keyRing, type SigningSecret } from '../../../adapters/jose/key-ring.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { parseUserId, type UserId } from '../../../domain/identifiers.ts';
import { Secret } from '../../../domain/secret.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const newSecret = (): SigningSecret => new Secret(randomBytes(32).toString('base64url'));
const secret = newSecret();
const userId = ((): UserId => {
  const parsed = parseUserId(systemIds.uuid());
  if (!parsed.ok) throw new Error('a UUID was expected');
  return parsed.value;
})();
const claims = { userId, tokenVersion: 7 };
const ttlSeconds = 900;

const setUp = (options: Partial<AccessTokenNeeds> = {}) => {
  const clock = new ManualClock();
  return {
    clock,
    tokens: new JoseAccessTokens({ secrets: [secret], ttlSeconds, clock, ids: systemIds, ...options }),
  };
};

const issued = async (tokens: JoseAccessTokens): Promise<string> =>
  Secret.reveal((await tokens.issue(claims)).token);

/** A token like ours but for what the test changes. */
const forge = (
  clock: ManualClock,
  {
    header = {},
    payload = {},
    by = secret,
  }: { header?: object; payload?: JWTPayload; by?: SigningSecret } = {},
): Promise<string> => {
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const all = {
    iss: 'kith',
    aud: 'kith',
    sub: userId,
    iat: nowSeconds,
    exp: nowSeconds + 900,
    jti: 'x',
    tv: 7,
  };
  return new SignJWT({ ...all, ...payload })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: keyRing([secret]).signing.id, ...header })
    .sign(createSecretKey(Secret.reveal(by), 'utf8'));
};

const decode = (token: string, part: number): unknown =>
  JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString());
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('an access token', () => {
  it('says who it is for and under which token version', async () => {
    const { tokens } = setUp();
    expect(await tokens.verify(await issued(tokens))).toEqual(claims);
    expect((await tokens.issue(claims)).expiresInSeconds).toBe(ttlSeconds);
  });

  it('carries exactly the claims of the contract', async () => {
    const { tokens, clock } = setUp();
    const token = await issued(tokens);
    expect(decode(token, 0)).toEqual({
      alg: 'HS256',
      typ: 'at+jwt',
      kid: expect.stringMatching(/^[\w-]{11}$/),
    });
    expect(decode(token, 1)).toEqual({
      iss: 'kith',
      aud: 'kith',
      sub: userId,
      iat: clock.nowMs() / 1000,
      exp: clock.nowMs() / 1000 + ttlSeconds,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      tv: 7,
    });
    expect(token).not.toBe(await issued(tokens));
  });

  it('accepts the control of the forgeries below: a forgery with nothing changed', async () => {
    const { tokens, clock } = setUp();
    expect(await tokens.verify(await forge(clock))).toEqual(claims);
  });

  it('expires to the millisecond, though a clock that is a little ahead may issue it', async () => {
    const { tokens, clock } = setUp();
    const token = await issued(tokens);
    const fromAhead = await forge(clock, { payload: { iat: clock.nowMs() / 1000 + 5 } });
    expect(await tokens.verify(fromAhead)).toEqual(claims);
    const fromTheFuture = await forge(clock, { payload: { iat: clock.nowMs() / 1000 + 6 } });
    expect(await tokens.verify(fromTheFuture)).toBeUndefined();
    await clock.advance(ttlSeconds * 1000 - 1);
    expect(await tokens.verify(token)).toEqual(claims);
    await clock.advance(1);
    expect(await tokens.verify(token)).toBeUndefined();
    // The same without a memo in between.
    expect(await setUp().tokens.verify(token)).toEqual(claims);
    expect(
      await new JoseAccessTokens({ secrets: [secret], ttlSeconds, clock, ids: systemIds }).verify(token),
    ).toBeUndefined();
  });

  it('is refused when it is older than a token may be, whatever expiry it claims', async () => {
    const { tokens, clock } = setUp();
    const nowSeconds = clock.nowMs() / 1000;
    const payload = { iat: nowSeconds - ttlSeconds - 6, exp: nowSeconds + 1_000_000 };
    expect(await tokens.verify(await forge(clock, { payload }))).toBeUndefined();
  });
});

describe('a forged token', () => {
  it.each(['iss', 'aud', 'sub', 'iat', 'exp', 'jti', 'tv'])('is refused without its %s', async (claim) => {
    const { tokens, clock } = setUp();
    expect(await tokens.verify(await forge(clock, { payload: { [claim]: undefined } }))).toBeUndefined();
  });

  const wrong: [why: string, change: { header?: object; payload?: JWTPayload; by?: SigningSecret }][] = [
    ['by another key', { by: newSecret() }],
    ['by another algorithm', { header: { alg: 'HS512' } }],
    ['of another type', { header: { typ: 'JWT' } }],
    ['of no type', { header: { typ: undefined } }],
    ['under an unknown key id', { header: { kid: 'unknown' } }],
    ['under no key id', { header: { kid: undefined } }],
    ['of another issuer', { payload: { iss: 'somebody' } }],
    ['for another audience', { payload: { aud: 'somebody' } }],
    ['for no UUID', { payload: { sub: 'admin' } }],
    ['with a text for an expiry', { payload: { exp: '9999999999' as never } }],
    ['with a number for an id', { payload: { jti: 1 as never } }],
    ['with a fraction for a version', { payload: { tv: 7.5 } }],
    ['with a text for a version', { payload: { tv: '7' } }],
    ['with a version of zero', { payload: { tv: 0 } }],
    ['with a negative version', { payload: { tv: -1 } }],
    ['with a version beyond the integers', { payload: { tv: 2 ** 53 } }],
    ['with no version but null', { payload: { tv: null } }],
  ];
  it.each(wrong)('is refused when it is signed %s', async (why, change) => {
    const { tokens, clock } = setUp();
    const by =
      why === 'by another algorithm'
        ? new Secret<'signing-secret'>(`${Secret.reveal(secret)}${'x'.repeat(32)}`)
        : secret;
    const token = await forge(clock, { by, ...change });
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it('is refused with alg none, signed or not', async () => {
    const { tokens } = setUp();
    const [, payload = '', signature = ''] = (await issued(tokens)).split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = encode({ alg, typ: 'at+jwt', kid: keyRing([secret]).signing.id });
      expect(await tokens.verify(`${header}.${payload}.`)).toBeUndefined();
      expect(await tokens.verify(`${header}.${payload}.${signature}`)).toBeUndefined();
    }
  });

  it('is refused with any one character changed', async () => {
    const { tokens } = setUp();
    const token = await issued(tokens);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom(...'ABab01-_.=+/ \n'),
        async (at, character) => {
          fc.pre(token[at] !== character);
          expect(await tokens.verify(token.slice(0, at) + character + token.slice(at + 1))).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has one spelling: padding, white space and other last characters are refused', async () => {
    const { tokens } = setUp();
    const token = await issued(tokens);
    const last = token.charCodeAt(token.length - 1);
    const variants = [
      `${token}=`,
      `${token}\n`,
      ` ${token}`,
      `${token} `,
      `${token}.`,
      token.replaceAll('.', '.\n'),
    ];
    for (const twin of [last + 1, last + 2, last + 3])
      variants.push(token.slice(0, -1) + String.fromCharCode(twin));
    for (const variant of variants) expect(await tokens.verify(variant)).toBeUndefined();
  });

  it('is refused for any text at all, without an exception', async () => {
    const { tokens } = setUp();
    const part = fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    const shaped = fc
      .tuple(part, part, fc.stringMatching(/^[\w-]{42}[AEIMQUYcgkosw048]$/))
      .map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), shaped), async (text) => {
        expect(await tokens.verify(text)).toBeUndefined();
      }),
    );
  });

  it('costs nothing to refuse when it is huge', async () => {
    const { tokens, clock } = setUp();
    const huge = await forge(clock, { payload: { padding: 'x'.repeat(1024) } });
    expect(huge.length).toBeGreaterThan(1024);
    expect(await tokens.verify(huge)).toBeUndefined();
    expect(await tokens.verify('a'.repeat(50_000_000))).toBeUndefined();
  });
});

describe('the key ring', () => {
  it('verifies what an earlier key signed, until that key is gone', async () => {
    const next = newSecret();
    const old = setUp();
    const token = await issued(old.tokens);
    expect(await setUp({ secrets: [next, secret] }).tokens.verify(token)).toEqual(claims);
    expect(await setUp({ secrets: [next] }).tokens.verify(token)).toBeUndefined();
  });

  it('signs with the first key', async () => {
    const next = newSecret();
    const token = await issued(setUp({ secrets: [next, secret] }).tokens);
    expect(await setUp({ secrets: [next] }).tokens.verify(token)).toEqual(claims);
    expect(await setUp().tokens.verify(token)).toBeUndefined();
  });
});

describe('the memo of verified tokens', () => {
  it('never outlives the expiry, also when the wall clock steps', async () => {
    const { tokens, clock } = setUp();
    const token = await issued(tokens);
    expect(await tokens.verify(token)).toEqual(claims);
    clock.jump(ttlSeconds * 1000);
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it('answers for the exact text alone', async () => {
    const { tokens } = setUp();
    const token = await issued(tokens);
    await tokens.verify(token);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const altered = encode({ ...Object(decode(token, 1)), tv: 8 });
    expect(await tokens.verify(`${header}.${altered}.${signature}`)).toBeUndefined();
    expect(await tokens.verify(`${header}.${payload}.${signature}`)).toEqual(claims);
  });

  it('holds no more than its bound and verifies the rest again', async () => {
    const { tokens } = setUp({ maxMemoEntries: 2 });
    const all = await Promise.all([0, 1, 2, 3].map(() => issued(tokens)));
    for (const token of [...all, ...all]) expect(await tokens.verify(token)).toEqual(claims);
  });

  it('makes a repeated token cheaper than a signature check', async () => {
    const { tokens, clock } = setUp();
    const token = await issued(tokens);
    const time = async (verify: () => Promise<unknown>): Promise<number> => {
      const startedAt = performance.now();
      for (let n = 0; n < 500; n++) await verify();
      return performance.now() - startedAt;
    };
    const fresh = await Promise.all(
      Array.from({ length: 500 }, () => forge(clock, { payload: { jti: systemIds.token() } })),
    );
    const cold = await time(() => tokens.verify(fresh.pop() ?? ''));
    expect(await time(() => tokens.verify(token))).toBeLessThan(cold);
  });
});
