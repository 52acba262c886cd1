import type { Application, CacheStatus, Session } from '../../application/application.ts';
import type { Source } from '../../application/read.ts';
import {
  applyContactPatch,
  type Contact,
  newContact,
  parseContactDraft,
  parseContactPatch,
  parsePageRequest,
  parseSearch,
} from '../../domain/contact.ts';
import { type Failure, invalidInput } from '../../domain/failures.ts';
import {
  parseContactId,
  parseEmail,
  parseIdentifier,
  parsePhone,
  parseUserId,
  parseUsername,
  type UserId,
  type UserKey,
} from '../../domain/identifiers.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { Secret } from '../../domain/secret.ts';
import { collect, nullable } from '../../domain/text.ts';
import {
  applyPatch,
  checkVersion,
  deactivated,
  newUser,
  parseName,
  parseUserPatch,
  reactivated,
  revokeTokens,
  roles,
  toProfile,
  type User,
  type UserPatch,
  withRole,
} from '../../domain/user.ts';

const status: CacheStatus = {
  status: 'healthy',
  backend: 'memory',
  latencyMs: null,
  circuit: 'closed',
  memoryUsedBytes: null,
  entriesInMemory: 3,
  maxStalenessMs: 500,
  stalenessMs: 40,
  pendingInvalidations: 0,
  statistics: {
    hits: 3,
    misses: 1,
    hitRatePercent: 75,
    totalLookups: 4,
    invalidations: 2,
    byTier: { memory: 3, redis: 0, database: 1 },
  },
};

/** All use cases over two maps: right in what they answer, with nothing behind it. Reads say that they were `miss`. */
export const fakeApplication = (): Application => {
  const users = new Map<string, User>();
  const passwords = new Map<string, string>();
  const contacts = new Map<string, Contact>();
  const nowMs = () => Date.UTC(2026, 10, 21, 19, 30, 0, 0) + sequence;
  let sequence = 0;
  const uuid = () => `01900000-0000-7000-8000-${(++sequence).toString(16).padStart(12, '0')}`;

  const source = (freshness: unknown): Source => (freshness === 'authoritative' ? 'bypass' : 'miss');
  const find = (key: UserKey) => [...users.values()].find((user) => goes(user, key));
  const goes = (user: User, key: UserKey) => user[key.kind] === key.value;
  const byId = (id: string): Result<User, Failure<'user-not-found'>> => {
    const user = users.get(id.toLowerCase());
    return user === undefined ? fail({ code: 'user-not-found' }) : ok(user);
  };
  const put = (user: User): User => {
    users.set(user.id, user);
    return user;
  };
  const open = (user: User): Session => ({
    user,
    token: new Secret(`${user.id}.${user.tokenVersion}`),
    expiresInSeconds: 900,
  });
  const isAdmin = (user: User) => user.role === 'admin' && user.isActive;
  const wouldLoseAdmins = (user: User) => isAdmin(user) && [...users.values()].filter(isAdmin).length === 1;
  const taken = (fields: UserPatch, except?: UserId) => {
    for (const kind of ['email', 'username', 'phone'] as const) {
      const value = fields[kind];
      if (value === undefined || value === null) continue;
      if ([...users.values()].some((user) => user.id !== except && user[kind] === value)) {
        return fail({ code: `${kind}-taken` } as const);
      }
    }
    return undefined;
  };
  const ownContact = (ownerId: UserId, id: string): Result<Contact, Failure<'contact-not-found'>> => {
    const contact = contacts.get(id.toLowerCase());
    return contact?.ownerId === ownerId ? ok(contact) : fail({ code: 'contact-not-found' });
  };

  return {
    register: async (input) => {
      const fields = collect({
        email: parseEmail(input.email),
        username: parseUsername(input.username),
        phone: nullable(input.phone ?? null, parsePhone),
        name: nullable(input.name ?? null, parseName),
        password: parseName(input.password),
      });
      if (!fields.ok) return fail(invalidInput(fields.error));
      const conflict = taken(fields.value);
      if (conflict !== undefined) return conflict;
      const id = parseUserId(uuid());
      if (!id.ok) throw new Error('not a UUID');
      const { password: _, ...rest } = fields.value;
      passwords.set(id.value, input.password);
      return ok(open(put(newUser(id.value, rest, nowMs()))));
    },
    logIn: async ({ identifier, password }) => {
      const key = parseIdentifier(identifier);
      const user = key.ok ? find(key.value) : undefined;
      const welcome = user?.isActive === true && passwords.get(user.id) === password;
      return welcome ? ok(open(user)) : fail({ code: 'invalid-credentials' });
    },
    authenticate: async (token, freshness) => {
      const user = [...users.values()].find(
        ({ id, isActive, tokenVersion }) => isActive && token === `${id}.${tokenVersion}`,
      );
      return user === undefined
        ? fail({ code: 'invalid-token' })
        : ok({ value: user, source: source(freshness) });
    },
    changeProfile: async (userId, { currentPassword, ...input }, expectedVersion) => {
      const patch = parseUserPatch(input);
      if (!patch.ok) return fail(invalidInput(patch.error));
      const user = byId(userId);
      if (!user.ok) return user;
      const version = checkVersion(user.value, expectedVersion);
      if (!version.ok) return version;
      const needsPassword = patch.value.email !== undefined || patch.value.phone !== undefined;
      if (needsPassword && passwords.get(userId) !== currentPassword) return fail({ code: 'wrong-password' });
      return taken(patch.value, userId) ?? ok(put(applyPatch(user.value, patch.value, nowMs())));
    },
    changePassword: async (userId, { currentPassword, newPassword }) => {
      const user = byId(userId);
      if (!user.ok) return user;
      if (newPassword.length < 15) {
        return fail(
          invalidInput([
            { path: ['newPassword'], code: 'too-short', detail: 'at least 15 characters are expected' },
          ]),
        );
      }
      if (passwords.get(userId) !== currentPassword) return fail({ code: 'wrong-password' });
      passwords.set(userId, newPassword);
      return ok(open(put(revokeTokens(user.value, nowMs()))));
    },
    signOutEverywhere: async (userId) => {
      const user = byId(userId);
      if (!user.ok) return user;
      put(revokeTokens(user.value, nowMs()));
      return ok(undefined);
    },
    deactivateSelf: async (userId, { password }) => {
      const user = byId(userId);
      if (!user.ok) return user;
      if (passwords.get(userId) !== password) return fail({ code: 'wrong-password' });
      if (wouldLoseAdmins(user.value)) return fail({ code: 'last-admin' });
      put(deactivated(user.value, nowMs()));
      return ok(undefined);
    },
    getUser: async (key, freshness) => {
      const user = find(key);
      return user === undefined
        ? fail({ code: 'user-not-found' })
        : ok({ value: user, source: source(freshness) });
    },
    getProfile: async (key, freshness) => {
      const user = [...users.values()].find((candidate) =>
        'id' in key
          ? candidate.id === key.id.toLowerCase()
          : candidate.username === key.username.toLowerCase(),
      );
      return user?.isActive === true
        ? ok({ value: toProfile(user), source: source(freshness) })
        : fail({ code: 'user-not-found' });
    },
    lookUpUsers: async ({ ids = [], emails = [], usernames = [], phones = [] }) => {
      const fields = { ids: [...ids], emails: [...emails], usernames: [...usernames], phones: [...phones] };
      if (Object.values(fields).flat().length > 500) {
        return fail(
          invalidInput([{ path: [], code: 'too-many', detail: 'at most 500 keys in all are expected' }]),
        );
      }
      const keys: UserKey[] = [];
      for (const text of ids) {
        const id = parseUserId(text);
        if (id.ok) keys.push({ kind: 'id', value: id.value });
      }
      for (const text of [...emails, ...usernames, ...phones]) {
        const key = parseIdentifier(text);
        if (key.ok) keys.push(key.value);
      }
      const found = keys.map(find);
      return ok({
        users: [...new Set(found.filter((user) => user !== undefined))],
        missing: keys.filter((_, index) => found[index] === undefined),
      });
    },
    deactivateUser: async (userId) => {
      const user = byId(userId);
      if (!user.ok) return user;
      if (wouldLoseAdmins(user.value)) return fail({ code: 'last-admin' });
      return ok(put(deactivated(user.value, nowMs())));
    },
    reactivateUser: async (userId) => {
      const user = byId(userId);
      return user.ok ? ok(put(reactivated(user.value, nowMs()))) : user;
    },
    setRole: async (userId, name) => {
      const role = roles.find((known) => known === name);
      if (role === undefined) {
        return fail(
          invalidInput([
            { path: ['role'], code: 'invalid-format', detail: 'one of user, admin is expected' },
          ]),
        );
      }
      const user = byId(userId);
      if (!user.ok) return user;
      if (role !== 'admin' && wouldLoseAdmins(user.value)) return fail({ code: 'last-admin' });
      return ok(put(withRole(user.value, role, nowMs())));
    },
    addContact: async (ownerId, input) => {
      const draft = parseContactDraft(input);
      if (!draft.ok) return fail(invalidInput(draft.error));
      const id = parseContactId(uuid());
      if (!id.ok) throw new Error('not a UUID');
      const contact = newContact(id.value, ownerId, draft.value, nowMs());
      contacts.set(contact.id, contact);
      return ok(contact);
    },
    getContact: async (ownerId, id, freshness) => {
      const contact = ownContact(ownerId, id);
      return contact.ok ? ok({ value: contact.value, source: source(freshness) }) : contact;
    },
    listContacts: async (ownerId, { query, ...input }, freshness) => {
      const request = parsePageRequest(input);
      if (!request.ok) return fail(invalidInput(request.error));
      const search = query === undefined ? undefined : parseSearch(query);
      if (search?.ok === false) return fail(invalidInput([{ path: ['query'], ...search.error }]));
      const { skip, limit } = request.value;
      const all = [...contacts.values()]
        .filter((contact) => contact.ownerId === ownerId)
        .filter((contact) => search === undefined || contact.firstName.includes(search.value))
        .reverse();
      const value = { ownerId, items: all.slice(skip, skip + limit), total: all.length, skip, limit };
      return ok({ value, source: query === undefined ? source(freshness) : 'bypass' });
    },
    changeContact: async (ownerId, id, input, expectedVersion) => {
      const patch = parseContactPatch(input);
      if (!patch.ok) return fail(invalidInput(patch.error));
      const contact = ownContact(ownerId, id);
      if (!contact.ok) return contact;
      const version = checkVersion(contact.value, expectedVersion);
      if (!version.ok) return version;
      const changed = applyContactPatch(contact.value, patch.value, nowMs());
      contacts.set(changed.id, changed);
      return ok(changed);
    },
    removeContact: async (ownerId, id, expectedVersion) => {
      const contact = ownContact(ownerId, id);
      if (!contact.ok) return contact;
      const version = checkVersion(contact.value, expectedVersion);
      if (!version.ok) return version;
      contacts.delete(contact.value.id);
      return ok(undefined);
    },
    explainCache: async (userId) => {
      const user = byId(userId);
      return user.ok
        ? ok([{ record: 'user', tier: 'memory', state: 'value', version: user.value.version, ttlMs: 1234 }])
        : user;
    },
    invalidateUser: async (userId) => {
      const user = byId(userId);
      return user.ok ? ok(undefined) : user;
    },
    getCacheStatus: async () => status,
    getStatistics: () => status.statistics,
    checkReadiness: async () => true,
  };
};
