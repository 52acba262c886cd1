import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { AccessTokens, TokenClaims } from '../../domain/ports/security.ts';
import { Secret } from '../../domain/secret.ts';
import { userId } from '../support/fixtures.ts';
import { type Contract, describeContract, type Open } from './contract.ts';
import { anyUserId } from './records.ts';

/** Tokens to be tested, and their time. */
export type TokensUnderTest = {
  readonly tokens: AccessTokens;
  /** The same, with a newer key to sign by, and the one of `tokens` to verify by as well. */
  readonly rotated: AccessTokens;
  /** The same, with another key and no other. */
  readonly strange: AccessTokens;
  /** Lets time pass on the clock that they all share. */
  advance(ms: number): Promise<void>;
};

const claims: TokenClaims = { userId: userId(1), tokenVersion: 7 };

const issued = async (tokens: AccessTokens, of: TokenClaims = claims): Promise<string> =>
  Secret.reveal((await tokens.issue(of)).token);

export const accessTokensContract: Contract<TokensUnderTest> = [
  [
    'verify what they issued: for whom, and under which version of their tokens',
    async ({ tokens }) => {
      const versions = [1, 2, 1_000_000, Number.MAX_SAFE_INTEGER];
      for (const of of versions.map((tokenVersion) => ({ userId: anyUserId(), tokenVersion }))) {
        const token = await issued(tokens, of);
        expect(await tokens.verify(token)).toEqual(of);
        expect(await tokens.verify(token)).toEqual(of);
      }
    },
  ],
  [
    'fit into a header, and are a secret on the way there',
    async ({ tokens }) => {
      const { token } = await tokens.issue(claims);
      expect(Secret.reveal(token)).toMatch(/^[\w.~+/-]{1,1000}=*$/);
      expect(`${token}`).not.toContain(Secret.reveal(token));
    },
  ],
  [
    'last as long as they say, and no longer',
    async ({ tokens, advance }) => {
      const { token, expiresInSeconds } = await tokens.issue(claims);
      const [used, unused] = [Secret.reveal(token), await issued(tokens)];
      expect(expiresInSeconds).toBeGreaterThan(1);
      expect(await tokens.verify(used)).toEqual(claims);
      await advance(expiresInSeconds * 1000 - 1000);
      expect(await tokens.verify(used)).toEqual(claims);
      await advance(1000);
      // One that was verified before, and may be remembered, and one that was not.
      expect(await tokens.verify(used)).toBeUndefined();
      expect(await tokens.verify(unused)).toBeUndefined();
    },
  ],
  [
    'are nothing to who has another key, and nothing of his is anything to them',
    async ({ tokens, strange }) => {
      expect(await strange.verify(await issued(tokens))).toBeUndefined();
      expect(await tokens.verify(await issued(strange))).toBeUndefined();
    },
  ],
  [
    'are still accepted when the key was changed, and those of the new key are not by the old',
    async ({ tokens, rotated }) => {
      expect(await rotated.verify(await issued(tokens))).toEqual(claims);
      const newer = await issued(rotated);
      expect(await rotated.verify(newer)).toEqual(claims);
      expect(await tokens.verify(newer)).toBeUndefined();
    },
  ],
  [
    'are worth nothing with any one character changed, left out or put in',
    async ({ tokens }) => {
      const token = await issued(tokens);
      expect(await tokens.verify(token)).toEqual(claims);
      for (let at = 0; at < token.length; at++) {
        const [before, after] = [token.slice(0, at), token.slice(at + 1)];
        const other = token[at] === 'A' ? 'B' : 'A';
        for (const changed of [
          `${before}${other}${after}`,
          `${before}${after}`,
          `${before}A${token.slice(at)}`,
        ])
          if (changed !== token) expect(await tokens.verify(changed)).toBeUndefined();
      }
    },
  ],
  [
    'have one spelling: nothing around them, no padding',
    async ({ tokens }) => {
      const token = await issued(tokens);
      for (const other of [
        ` ${token}`,
        `${token} `,
        `${token}\n`,
        `${token}=`,
        `${token}.`,
        token.toUpperCase(),
      ])
        expect(await tokens.verify(other)).toBeUndefined();
    },
  ],
  [
    'do not mix: the parts of two make no third',
    async ({ tokens }) => {
      const [mine, theirs] = [await issued(tokens), await issued(tokens, { ...claims, userId: userId(2) })];
      for (const { index } of mine.matchAll(/\./g)) {
        const mixed = mine.slice(0, index) + theirs.slice(index);
        if (mixed !== theirs) expect(await tokens.verify(mixed)).toBeUndefined();
      }
    },
  ],
  [
    'are any text at all, of whatever length: what is no token is undefined and no error',
    async ({ tokens }) => {
      const token = await issued(tokens);
      const odd = ['', '.', '..', '...', 'null', '{}', '\0', '\u{1F511}', '\ud800', token.repeat(500)];
      for (const text of [...odd, 'a'.repeat(1_000_000)]) expect(await tokens.verify(text)).toBeUndefined();
      const part = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.base64String({ maxLength: 80 }).map((text) => text.replaceAll('=', '')),
        fc.json({ maxDepth: 1 }).map((text) => Buffer.from(text).toString('base64url')),
        fc.constantFrom(...token.split('.')),
      );
      const shaped = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
      await fc.assert(
        fc.asyncProperty(shaped, async (text) => {
          if (text !== token) expect(await tokens.verify(text)).toBeUndefined();
        }),
        { numRuns: 300 },
      );
    },
  ],
];

/** What AccessTokens promises, for any adapter of it. */
export const describeAccessTokens = (name: string, open: Open<TokensUnderTest>): void =>
  describeContract(`${name} as access tokens`, accessTokensContract, open);
