import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { sha256 } from '../../adapters/system/digest.ts';
import { KeyedThrottle } from '../../adapters/throttle/keyed-throttle.ts';
import type { ContactDirectory, UserDirectory } from '../../application/directories.ts';
import type { Read } from '../../application/read.ts';
import type { Confirmation, Work, Writes } from '../../application/writes.ts';
import type { Contact } from '../../domain/contact.ts';
import type { UserId } from '../../domain/identifiers.ts';
import { parseUserId } from '../../domain/identifiers.ts';
import { type PasswordRules, parsePresentedPassword } from '../../domain/password.ts';
import type { Changed, Database, Transactions } from '../../domain/ports/persistence.ts';
import type { Ids, Log } from '../../domain/ports/runtime.ts';
import type { AccessTokens, Digest, LoginThrottle, PasswordHasher } from '../../domain/ports/security.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type PasswordHash, Secret } from '../../domain/secret.ts';
import { type Account, toProfile, type User } from '../../domain/user.ts';
import { storeContacts } from '../contracts/persistence-support.ts';
import { contact, user, userId } from '../support/fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { quickHasher } from '../support/quick-hasher.ts';

export const password = 'correct horse battery staple';
export const otherPassword = 'another horse battery staple';

/** A hash as the hasher of these worlds makes it. */
export const hashOf = (text: string): Promise<PasswordHash> => {
  const parsed = parsePresentedPassword(text);
  if (parsed === undefined) throw new Error('the password of the test is none');
  return quickHasher.hash(parsed);
};

/**
 * What use cases are called with: the database in memory, and fakes of the other ports. Each step that a use case takes
 * through them is noted in `steps`, so that a test can see in which order things happened.
 */
export type World = Omit<Database, 'log'> & {
  readonly clock: ManualClock;
  readonly steps: string[];
  readonly hasher: PasswordHasher;
  readonly hashing: Hashing;
  readonly throttle: LoginThrottle;
  readonly tokens: AccessTokens;
  readonly writes: Writes;
  readonly directory: UserDirectory;
  /** Users as they were, which the directory answers with until it is asked authoritatively. */
  readonly cached: Map<string, User>;
  readonly contactDirectory: ContactDirectory;
  readonly ids: Ids;
  readonly digest: Digest;
  readonly log: Log;
  readonly passwordRules: PasswordRules;
};

type Hashing = {
  /** Whether every hash there is should be made anew. */
  isWeak: boolean;
  /** What happens right after the next verification, before its caller goes on. */
  afterVerify: () => Promise<void>;
};

export const openWorld = (): World => {
  const clock = new ManualClock();
  const database = memoryDatabase({ nowMs: () => clock.nowMs() });
  const steps: string[] = [];
  const hashing: Hashing = { isWeak: false, afterVerify: nothing };
  const cached = new Map<string, User>();
  return {
    ...database,
    clock,
    steps,
    hashing,
    cached,
    hasher: recordingHasher(steps, hashing),
    throttle: recordingThrottle(database, steps),
    tokens: plainTokens,
    writes: recordingWrites(database.transactions, steps),
    directory: recordingDirectory(database, cached, steps),
    contactDirectory: contactDirectory(database),
    ids: countingIds(),
    digest: sha256,
    log: recordingLog(steps),
    passwordRules: { minCodePoints: 15, strength: knownAlone },
  };
};

/** Guesses what is known of the account, repeated, and nothing else. */
const knownAlone: PasswordRules['strength'] = {
  isGuessable: (password, known) =>
    known.some((word) => password.toLowerCase().replaceAll(word, '').length <= 2),
};

const nothing = async (): Promise<void> => {};

/** Stores user number `n`, who has `password`. */
export const join = async (world: World, n: number, fields: Partial<User> = {}): Promise<User> => {
  const account: Account = { user: user(n, fields), passwordHash: await hashOf(password) };
  await world.transactions.run(async ({ users }) => {
    const inserted = await users.insert(account);
    if (!inserted.ok) throw new Error(inserted.error.code);
  });
  return account.user;
};

/** Stores user number `n` with contacts of these numbers, in their order. */
export const joinWithContacts = async (
  world: World,
  n: number,
  numbers: readonly number[],
): Promise<{ readonly user: User; readonly contacts: readonly Contact[] }> => {
  const joined = await join(world, n);
  const contacts = numbers.map((number) => contact(number, joined.id));
  await storeContacts(world, joined.id, contacts);
  return { user: joined, contacts };
};

/** The account as the database has it now. */
export const stored = async (world: World, id: UserId): Promise<Account> => {
  const account = await world.users.findAccount({ kind: 'id', value: id });
  if (account === undefined) throw new Error('no such user');
  return account;
};

/** Gives a user another password, behind the back of whoever is at work. */
export const changeHash = async (world: World, id: UserId, text: string): Promise<void> => {
  const passwordHash = await hashOf(text);
  await world.transactions.run(async ({ users }) => {
    const account = await users.lock(id);
    if (account !== undefined) await users.update({ ...account, passwordHash });
  });
};

/** Lets the work in the background end: a macrotask comes after all that is in memory. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const recordingHasher = (steps: string[], hashing: Hashing): PasswordHasher => ({
  hash: (text) => {
    steps.push('hash');
    return quickHasher.hash(text);
  },
  verify: async (hash, text) => {
    steps.push(hash === undefined || text === undefined ? 'verify nothing' : 'verify');
    const { afterVerify } = hashing;
    hashing.afterVerify = nothing;
    const matches = await quickHasher.verify(hash, text);
    await afterVerify();
    return matches;
  },
  needsRehash: () => hashing.isWeak,
});

/** The real rules, over the counters in memory. */
const recordingThrottle = ({ attempts }: Database, steps: string[]): LoginThrottle => {
  const throttle = new KeyedThrottle({ attempts, throttleKey: new Secret('of the test') });
  return {
    admit: async (guess) => {
      const waitMs = await throttle.admit(guess);
      steps.push(waitMs === undefined ? 'admit' : 'refuse');
      return waitMs;
    },
    succeeded: (guess) => {
      steps.push('succeeded');
      return throttle.succeeded(guess);
    },
    withdraw: (guess) => {
      steps.push('withdraw');
      return throttle.withdraw(guess);
    },
  };
};

/** Tokens that anybody can read and nobody has to sign: `{user id} {token version}`. */
const plainTokens: AccessTokens = {
  issue: async ({ userId: id, tokenVersion }) => ({
    token: new Secret(`${id} ${tokenVersion}`),
    expiresInSeconds: 900,
  }),
  verify: async (token) => {
    const [id, version] = token.split(' ');
    const parsed = parseUserId(id);
    return parsed.ok ? { userId: parsed.value, tokenVersion: Number(version) } : undefined;
  },
};

/** Writes without a cache: a transaction, and a note of the fences that a cache would have been asked for. */
const recordingWrites = (transactions: Transactions, steps: string[]): Writes => {
  const run = async <T, F>(kind: string, work: Work<T, F>): Promise<Result<T, F>> => {
    steps.push(`begin ${kind}`);
    const refused: { outcome?: Result<T, F> } = {};
    try {
      const done = await transactions.run(async (transaction) => {
        const outcome = await work(transaction, async (changes) => {
          steps.push(...changes.map(fenceStep));
        });
        if (outcome.ok) return outcome;
        refused.outcome = outcome;
        throw new Error('rolled back');
      });
      steps.push('commit');
      return done;
    } catch (error) {
      if (refused.outcome === undefined) throw error;
      steps.push('roll back');
      return refused.outcome;
    }
  };
  return {
    run: (work) => run('ordinary', work),
    runSecurely: async (work) => {
      const done = await run('security', work);
      return done.ok ? ok({ value: done.value, confirmation }) : done;
    },
  };
};

/** What every security write is confirmed by. */
export const confirmation: Confirmation = { by: 'alone', afterMs: 0, receipts: [], missing: [] };

const fenceStep = (change: Changed): string => `fence ${change.kind}`;

/** A directory over the database, in front of it users as they were. */
const recordingDirectory = (
  database: Database,
  cached: ReadonlyMap<string, User>,
  steps: string[],
): UserDirectory => ({
  find: async (key, freshness = 'bounded') => {
    steps.push(`find ${freshness}`);
    const held = freshness === 'bounded' ? cached.get(key.value) : undefined;
    if (held !== undefined) return { value: held, source: 'memory' };
    return read(await database.users.find(key), freshness);
  },
  findProfile: async (key, freshness) => {
    const found = await database.users.find(key);
    return read(found?.isActive === true ? toProfile(found) : undefined, freshness);
  },
  findMany: async (keys) => {
    steps.push(`find ${keys.length}`);
    return Promise.all(keys.map((key) => database.users.find(key)));
  },
});

const contactDirectory = ({ contacts }: Database): ContactDirectory => ({
  find: async (ownerId, id, freshness) => read(await contacts.find(ownerId, id), freshness),
  page: async (ownerId, request) => ({ value: await contacts.page(ownerId, request), source: 'miss' }),
});

const read = <T>(value: T | undefined, freshness = 'bounded'): Read<T> | undefined =>
  value === undefined ? undefined : { value, source: freshness === 'bounded' ? 'miss' : 'bypass' };

/** Ids that are the same in each run: those of users with high numbers. */
const countingIds = (): Ids => {
  let made = 0;
  return { uuid: () => userId(0xabc000 + ++made), token: () => `token ${++made}` };
};

const recordingLog = (steps: string[]): Log => {
  const keep = (event: string, fields: object = {}): void =>
    void steps.push(`${event} ${JSON.stringify(fields)}`);
  return { info: keep, warn: keep, error: keep };
};
