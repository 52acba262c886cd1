import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UserKey } from '../../domain/identifiers.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { Secret } from '../../domain/secret.ts';
import { type Parsed, parseLine, parseText } from '../../domain/text.ts';
import type { User } from '../../domain/user.ts';
import { account, email, passwordHashText, phone, userId, username } from '../support/fixtures.ts';
import { change, fresh, freshNumber, store } from './persistence-support.ts';

const keysOf = (user: User): readonly UserKey[] => [
  { kind: 'id', value: user.id },
  { kind: 'email', value: user.email },
  { kind: 'username', value: user.username },
  ...(user.phone === null ? [] : [{ kind: 'phone', value: user.phone } as const]),
];

export const usersContract = (database: () => Database): void => {
  describe('users', () => {
    it('finds a user by each of its keys, every field as it was stored', async () => {
      const { user, passwordHash } = fresh();
      await store(database(), { user, passwordHash });
      for (const key of keysOf(user)) expect(await database().users.find(key)).toEqual(user);
    });

    it('keeps what is null apart from what is empty', async () => {
      const nothing = {
        phone: null,
        name: null,
        bio: null,
        occupation: null,
        location: null,
        avatarUrl: null,
      };
      const absent = fresh({ ...nothing, experience: null, skills: [] });
      const empty = fresh({ bio: '', experience: '', skills: [] });
      await store(database(), absent, empty);
      for (const { user } of [absent, empty]) {
        expect(await database().users.find({ kind: 'id', value: user.id })).toEqual(user);
      }
    });

    it('gives the password hash to nobody but findAccount', async () => {
      const { user, passwordHash } = fresh();
      await store(database(), { user, passwordHash });
      const [id, ...aliases] = keysOf(user);
      for (const key of [id, ...aliases]) {
        if (key === undefined) continue;
        const found = await database().users.findAccount(key);
        expect(found?.user).toEqual(user);
        expect(found === undefined ? '' : Secret.reveal(found.passwordHash)).toBe(passwordHashText);
        expect(Object.keys((await database().users.find(key)) ?? {}).sort()).toEqual(
          Object.keys(user).sort(),
        );
      }
    });

    it('finds nobody by a key that nobody has', async () => {
      const { user } = fresh();
      for (const key of keysOf(user)) {
        expect(await database().users.find(key)).toBeUndefined();
        expect(await database().users.findAccount(key)).toBeUndefined();
      }
    });

    it('finds nobody by another kind of key than the one that matches', async () => {
      const n = freshNumber();
      await store(database(), account(n, { username: username(`same${n}`) }));
      expect(
        await database().users.find({ kind: 'email', value: email(`same${n}@example.com`) }),
      ).toBeUndefined();
    });

    it('finds many by mixed keys, each user once, absent ones left out', async () => {
      const [a, b, c, absent] = [fresh(), fresh(), fresh(), fresh()];
      await store(database(), a, b, c);
      const found = await database().users.findMany([
        { kind: 'id', value: a.user.id },
        { kind: 'email', value: a.user.email },
        { kind: 'username', value: b.user.username },
        { kind: 'phone', value: c.user.phone ?? phone('+4911111111') },
        { kind: 'id', value: absent.user.id },
        { kind: 'email', value: absent.user.email },
      ]);
      expect([...found].sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual([a.user, b.user, c.user]);
      expect(await database().users.findMany([])).toEqual([]);
    });

    it('takes 500 keys at once and refuses more', async () => {
      const keys = Array.from(
        { length: 500 },
        (_, n) => ({ kind: 'id', value: userId(900_000 + n) }) as const,
      );
      expect(await database().users.findMany(keys)).toEqual([]);
      await expect(database().users.findMany([...keys, ...keys])).rejects.toThrow(RangeError);
    });

    it('counts active administrators only', async () => {
      const before = await database().users.countAdmins();
      const admin = fresh({ role: 'admin' });
      await store(database(), admin, fresh({ role: 'admin', isActive: false }), fresh());
      expect(await database().users.countAdmins()).toBe(before + 1);
      await change(database(), admin.user.id, { isActive: false });
      expect(await database().users.countAdmins()).toBe(before);
    });

    it('for all texts: gives back what was stored, code point by code point', async () => {
      // As the domain makes them: an adapter may refuse any other.
      const made = (parse: (raw: string) => Parsed<string>) =>
        fc
          .string({ unit: 'binary', minLength: 1, maxLength: 40 })
          .map((raw) => parse(`x${raw}`))
          .filter((parsed) => parsed.ok)
          .map((parsed) => (parsed.ok ? parsed.value : ''));
      const limits = { minCodePoints: 1, maxCodePoints: 50 };
      const awkward = fc.constantFrom(
        '\\',
        "'",
        "''; --",
        '?',
        '$1',
        '{}',
        '{"a",NULL}',
        'NULL',
        '"',
        ',',
        '%s',
        '🦆',
      );
      const line = fc.oneof(
        made((raw) => parseLine(raw, limits)),
        awkward,
      );
      const text = fc.oneof(
        made((raw) => parseText(raw, limits)),
        awkward,
        fc.constant('\n\t'),
      );
      const { user, passwordHash } = fresh();
      await store(database(), { user, passwordHash });
      await fc.assert(
        fc.asyncProperty(line, text, fc.array(line, { maxLength: 5 }), async (name, bio, skills) => {
          await change(database(), user.id, { name, bio, skills });
          const found = await database().users.find({ kind: 'id', value: user.id });
          expect(found).toMatchObject({ name, bio, skills });
        }),
        { numRuns: 60 },
      );
    }, 60_000);
  });

  describe('identifiers', () => {
    const taken = [
      { code: 'email-taken', of: (user: User) => ({ email: user.email }) },
      { code: 'username-taken', of: (user: User) => ({ username: user.username }) },
      { code: 'phone-taken', of: (user: User) => ({ phone: user.phone }) },
    ] as const;

    for (const { code, of } of taken) {
      it(`refuses a new user with ${code}`, async () => {
        const [holder, other] = [fresh(), fresh()];
        await store(database(), holder);
        const clash = { ...other, user: { ...other.user, ...of(holder.user) } };
        await expect(store(database(), clash)).rejects.toThrow(code);
        expect(await database().users.find({ kind: 'id', value: other.user.id })).toBeUndefined();
      });

      it(`refuses a change with ${code}`, async () => {
        const [holder, other] = [fresh(), fresh()];
        await store(database(), holder, other);
        await expect(change(database(), other.user.id, of(holder.user))).rejects.toThrow(code);
        expect(await database().users.find({ kind: 'id', value: other.user.id })).toEqual(other.user);
      });
    }

    it('lets any number of users have no phone', async () => {
      await store(database(), fresh({ phone: null }), fresh({ phone: null }));
    });

    it('lets a user keep its own identifiers, and another take the ones it gave up', async () => {
      const [first, second] = [fresh(), fresh()];
      await store(database(), first, second);
      await change(database(), first.user.id, { name: 'same identifiers' });
      const released = first.user.email;
      await change(database(), first.user.id, { email: email(`moved.${released}`) });
      await change(database(), second.user.id, { email: released });
      expect((await database().users.find({ kind: 'email', value: released }))?.id).toBe(second.user.id);
    });

    it('gives an email that many want at once to exactly one of them', async () => {
      const wanted = email(`wanted${freshNumber()}@example.com`);
      const attempts = Array.from({ length: 8 }, () => store(database(), fresh({ email: wanted })));
      const outcomes = await Promise.allSettled(attempts);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('email-taken');
      }
    });

    it('commits nothing of a transaction that was told of a taken identifier, even if it goes on', async () => {
      const [holder, other] = [fresh(), fresh()];
      await store(database(), holder);
      const run = database().transactions.run(async ({ users }) => {
        await users.insert(other);
        await users.insert(fresh({ email: holder.user.email }));
      });
      await expect(run).rejects.toThrow();
      expect(await database().users.find({ kind: 'id', value: other.user.id })).toBeUndefined();
    });
  });
};
