import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { JoseAccessTokens } from '../../../adapters/jose/jose-access-tokens.ts';
import type { SigningSecret } from '../../../adapters/jose/key-ring.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { parseUserId } from '../../../domain/identifiers.ts';
import type { AccessTokens } from '../../../domain/ports/security.ts';
import { Secret } from '../../../domain/secret.ts';
import {
  accessTokensContract,
  describeAccessTokens,
  type TokensUnderTest,
} from '../../contracts/access-tokens.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const secretOf = (text: string): SigningSecret => new Secret(text.repeat(32));

describeAccessTokens('JoseAccessTokens', () => {
  const clock = new ManualClock();
  const needs = { clock, ids: systemIds, ttlSeconds: 900 };
  return {
    tokens: new JoseAccessTokens({ ...needs, secrets: [secretOf('1')] }),
    rotated: new JoseAccessTokens({ ...needs, secrets: [secretOf('2'), secretOf('1')] }),
    strange: new JoseAccessTokens({ ...needs, secrets: [secretOf('3')] }),
    advance: (ms) => clock.advance(ms),
  };
});

/** How the tokens below differ from right ones. */
type Wrong = {
  readonly expires?: 'never';
  readonly signature?: 'unchecked' | 'of a beginning';
  readonly oldKeys?: 'forgotten';
  readonly spelling?: 'trimmed';
  readonly nonsense?: 'thrown at';
};

/** Tokens as simple as can be: `user.version.expiry.signature`. */
const simple = (clock: ManualClock, keys: readonly string[], wrong: Wrong): AccessTokens => {
  const sign = (text: string, key: string): string =>
    createHmac('sha256', key)
      .update(wrong.signature === 'of a beginning' ? text.slice(0, 10) : text)
      .digest('base64url');
  const [first = ''] = keys;
  const known = wrong.oldKeys === 'forgotten' ? [first] : keys;
  return {
    async issue({ userId, tokenVersion }) {
      const text = `${userId}.${tokenVersion}.${clock.nowMs() + 900_000}`;
      return { token: new Secret(`${text}.${sign(text, first)}`), expiresInSeconds: 900 };
    },
    async verify(presented) {
      const token = wrong.spelling === 'trimmed' ? presented.trim() : presented;
      const end = token.lastIndexOf('.');
      const [text, signature] = [token.slice(0, end), token.slice(end + 1)];
      const isSigned = known.some((key) => sign(text, key) === signature);
      if (!isSigned && wrong.signature !== 'unchecked') {
        if (wrong.nonsense === 'thrown at' && Buffer.from(token).length > 5000) throw new Error('too long');
        return undefined;
      }
      const [id, version, expiresAtMs] = text.split('.');
      const userId = parseUserId(id);
      if (!userId.ok || (wrong.expires !== 'never' && Number(expiresAtMs) <= clock.nowMs())) return undefined;
      return { userId: userId.value, tokenVersion: Number(version) };
    },
  };
};

const open = (wrong: Wrong) => (): TokensUnderTest => {
  const clock = new ManualClock();
  return {
    tokens: simple(clock, ['1'], wrong),
    rotated: simple(clock, ['2', '1'], wrong),
    strange: simple(clock, ['3'], wrong),
    advance: (ms) => clock.advance(ms),
  };
};

it('the contract of tokens holds for those that the wrong ones are made of', async () => {
  expect(await brokenSentences(accessTokensContract, open({}))).toEqual([]);
});

it.each<readonly [what: string, wrong: Wrong, sentence: RegExp]>([
  ['never end', { expires: 'never' }, /^last as long as they say/],
  ['are not checked', { signature: 'unchecked' }, /^are nothing to who has another key/],
  [
    'are signed by half',
    { signature: 'of a beginning' },
    /^are worth nothing with any one character changed/,
  ],
  ['mix', { signature: 'of a beginning' }, /^do not mix/],
  ['end when the key is changed', { oldKeys: 'forgotten' }, /^are still accepted when the key was changed/],
  ['have many spellings', { spelling: 'trimmed' }, /^have one spelling/],
  ['throw at nonsense', { nonsense: 'thrown at' }, /^are any text at all/],
])('the contract refutes tokens that %s', async (_what, wrong, sentence) => {
  const broken = await brokenSentences(accessTokensContract, open(wrong));
  expect(broken).toContainEqual(expect.stringMatching(sentence));
});
