import { describe, expect, it } from 'vitest';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { ZxcvbnStrength } from '../../adapters/password-strength/zxcvbn-strength.ts';
import type { Application } from '../../application/application.ts';
import { parseNewPassword } from '../../domain/password.ts';
import { codeOf, join, openHouse, password } from './support.ts';

const logIn = async (useCases: Application, identifier: string, guess = password, origin = 'here') =>
  codeOf(await useCases.logIn({ identifier, password: guess, origin }));

describe('every log-in path costs exactly one verification', () => {
  it.each([
    ['the right one', 'ada', password, 'ok'],
    ['a wrong one', 'ada', 'wrong horse battery staple', 'invalid-credentials'],
    ['an unknown username', 'nobody', password, 'invalid-credentials'],
    ['an unknown email', 'nobody@example.com', password, 'invalid-credentials'],
    ['an unknown phone', '+4917012345678', password, 'invalid-credentials'],
    ['an identifier that cannot be', '\0', password, 'invalid-credentials'],
    ['an identifier of 60,000 characters', 'a'.repeat(60_000), password, 'invalid-credentials'],
    ['a lone surrogate for a name', '\ud800', password, 'invalid-credentials'],
    ['an empty password', 'ada', '', 'invalid-credentials'],
    ['a password of 60,000 characters', 'ada', 'x'.repeat(60_000), 'invalid-credentials'],
    ['a password that is not well formed', 'ada', `${password}\udfff`, 'invalid-credentials'],
    ['a deactivated account', 'gone', password, 'invalid-credentials'],
  ])('%s', async (_, identifier, guess, code) => {
    const { useCases, hasher } = await openHouse();
    await join(useCases, 'ada');
    const gone = await join(useCases, 'gone');
    expect(codeOf(await useCases.deactivateUser(gone.id))).toBe('ok');
    expect(await logIn(useCases, identifier, guess)).toBe(code);
    expect(hasher.verified).toHaveLength(1);
  });

  it('a limited one, known or unknown, right or wrong: and then it is one of nothing', async () => {
    for (const [name, guess] of [
      ['ada', 'wrong'],
      ['ada', password],
      ['nobody', 'wrong'],
    ] as const) {
      const { useCases, hasher } = await openHouse();
      await join(useCases, 'ada');
      for (let n = 0; n < 5; n++) await logIn(useCases, name, 'wrong');
      hasher.verified.length = 0;
      expect(await logIn(useCases, name, guess)).toBe('too-many-attempts');
      expect(hasher.verified).toEqual([undefined]);
    }
  });
});

describe('a password', () => {
  const rules = { minCodePoints: 8, strength: new ZxcvbnStrength() };
  const context = { email: 'ada.lovelace@example.com', username: 'enchantress' };
  const issue = (text: string, minCodePoints = 8) => {
    const parsed = parseNewPassword(text, { ...rules, minCodePoints }, context);
    return parsed.ok ? 'ok' : parsed.error.code;
  };

  it.each([
    ['a common one', 'password1'],
    ['in another case', 'PassWord1'],
    ['in compatibility forms, which NFKC folds', 'ｐａｓｓｗｏｒｄ１'],
    ['a long common one', 'q1w2e3r4t5y6u7i8o9p0'],
    ['a common one over and over', 'monkeymonkeymonkey'],
    ['a common one and digits in order', 'password1234567'],
    ['a common one and a year of zeros', 'sunshine0000000'],
    ['digits in order', '123456789012345'],
    ['digits in reverse', '9876543210987654'],
    ['the alphabet', 'abcdefghijklmnop'],
    ['one character', 'aaaaaaaaaaaaaaaa'],
    ['the email', 'ada.lovelace@example.com'],
    ['its local part and a digit', 'ada.lovelace1'],
    ['the username twice', 'EnchantressEnchantress'],
    ['the service', 'kithkithkithkith'],
  ])('must not be %s', (_, text) => {
    expect(issue(text)).toBe('too-guessable');
  });

  it.each([
    'correct horse battery',
    password,
    'a sufficiently long password',
    'Tr0ub4dor&3-and-more',
    'пароль достаточной длины',
    '長い長いパスワードの例です。ねこ',
    'спасибо 🐎🔋📎 horse',
    'no rules of composition at all',
    'ABCDabcd trailing space ',
  ])('may be %j', (text) => {
    expect(issue(text)).toBe('ok');
  });

  it('has 15 to 128 code points and at most 512 bytes, and no rules of composition', () => {
    expect(issue('x9k2m4p7w1q8z3', 15)).toBe('too-short');
    expect(issue('x9k2m4p7w1q8z35', 15)).toBe('ok');
    const long = Array.from({ length: 129 }, (_, n) => String.fromCodePoint(97 + ((n * 7) % 26)));
    expect(issue(long.join(''))).toBe('too-long');
    expect(issue(long.slice(1).join(''))).toBe('ok');
    expect(
      issue(
        long
          .slice(1)
          .map((c) => String.fromCodePoint(0x1f600 + (c.codePointAt(0) ?? 0)))
          .join(''),
      ),
    ).toBe('ok');
    expect(issue(`${'\ud83d\ude00a'.repeat(64)}\u{1f600}`)).toBe('too-long');
  });

  it('is normalised by NFKC and nothing else: not trimmed, folded or cut', async () => {
    const { useCases } = await openHouse();
    const chosen = '  Ångström ﬁne ﬁle \u00a0 ';
    const registered = await useCases.register({
      email: 'a@b.example',
      username: 'abcd',
      password: chosen,
    });
    expect(codeOf(registered)).toBe('ok');
    expect(await logIn(useCases, 'abcd', '  Ångström fine file \u00a0 ')).toBe('ok');
    expect(await logIn(useCases, 'abcd', '  Ångström ﬁne ﬁle \u00a0 ')).toBe('ok');
    for (const other of [
      'Ångström fine file',
      '  ångström fine file \u00a0 ',
      '  Ångström fine file \u00a0',
    ]) {
      expect(await logIn(useCases, 'abcd', other)).toBe('invalid-credentials');
    }
  });

  it('is held to the judge at registration, change and bootstrap', async () => {
    const database = memoryDatabase();
    const { useCases, bootstrapAdmin } = await openHouse({ database });
    const common = 'qwerty123456789';
    const ada = await join(useCases, 'ada');
    const results = [
      await useCases.register({ email: 'b@b.example', username: 'bob', password: common }),
      await useCases.changePassword(ada.id, { currentPassword: password, newPassword: common }),
      await bootstrapAdmin({ email: 'root@b.example', password: common }),
    ];
    for (const result of results) {
      expect(result).toMatchObject({
        ok: false,
        error: { code: 'invalid-input', issues: [{ code: 'too-guessable' }] },
      });
    }
  });
});
