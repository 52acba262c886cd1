import type { UserAlias, UserId, UserKey } from '../../domain/identifiers.ts';
import type { Caches } from '../../domain/ports/cache.ts';
import type { UserRepository } from '../../domain/ports/persistence.ts';
import type { Clock, Log, Timer } from '../../domain/ports/runtime.ts';
import { goesBy, type Profile, toProfile, type User } from '../../domain/user.ts';
import type { UserDirectory } from '../directories.ts';
import type { Freshness, Read, Source } from '../read.ts';
import { pointerKinds } from './keys.ts';
import { type Load, ReadThrough } from './protocol.ts';
import type { StatisticsCounter } from './statistics.ts';
import { findManyUsers } from './user-batch.ts';

export type UserDirectoryNeeds = {
  readonly users: UserRepository;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly log: Log;
  readonly statistics: StatisticsCounter;
};

/**
 * Users and profiles through the cache. By email, username or phone the cache knows only a pointer to an id, a hint that
 * is never trusted: the user found through it must go by that very value, else the database is asked. So a moved email
 * cannot return the wrong person, and a change of identifiers has no pointer to invalidate.
 */
export class CachedUserDirectory implements UserDirectory {
  readonly #needs: UserDirectoryNeeds;
  readonly #users: ReadThrough<User>;
  readonly #profiles: ReadThrough<Profile>;
  readonly #pointers: { readonly [K in UserAlias['kind']]: ReadThrough<UserId> };
  readonly #loadUser: Load<User>;
  readonly #loadProfile: Load<Profile>;

  constructor(needs: UserDirectoryNeeds) {
    const { users, caches } = needs;
    this.#needs = needs;
    this.#users = new ReadThrough(caches.users, needs);
    this.#profiles = new ReadThrough(caches.profiles, needs);
    this.#pointers = {
      email: new ReadThrough(caches.emails, needs),
      username: new ReadThrough(caches.usernames, needs),
      phone: new ReadThrough(caches.phones, needs),
    };
    this.#loadUser = (id) => users.find({ kind: 'id', value: id as UserId });
    this.#loadProfile = async (id) => asProfile(await this.#loadUser(id));
  }

  /** What memory can answer is answered without a promise beside the caller's own: most reads end here. */
  find(key: UserKey, freshness: Freshness = 'bounded'): Promise<Read<User> | undefined> {
    const hit = freshness === 'bounded' ? this.#peek(key) : undefined;
    if (hit === undefined) return this.#find(key, freshness);
    this.#needs.statistics.lookedUp(hit.source);
    return Promise.resolve(hit);
  }

  #peek(key: UserKey): Read<User> | undefined {
    if (key.kind === 'id') return this.#users.peek(key.value);
    const pointer = this.#pointers[key.kind].peek(key.value);
    const read = pointer === undefined ? undefined : this.#users.peek(pointer.value);
    return read !== undefined && goesBy(read.value, key) ? read : undefined;
  }

  async #find(key: UserKey, freshness: Freshness): Promise<Read<User> | undefined> {
    const read =
      key.kind === 'id'
        ? await this.#users.get(key.value, this.#loadUser, freshness)
        : await this.#findByAlias(key, freshness);
    this.#needs.statistics.lookedUp(read?.source ?? 'miss');
    return read;
  }

  async #findByAlias(alias: UserAlias, freshness?: Freshness): Promise<Read<User> | undefined> {
    if (freshness === 'authoritative') return found(await this.#needs.users.find(alias), 'bypass');
    const pointer = await this.#pointTo(alias);
    if (pointer === undefined) return undefined;
    const read = await this.#users.get(pointer.value, this.#loadUser);
    if (read !== undefined && goesBy(read.value, alias)) return read;
    await this.#drop(alias);
    return found(await this.#needs.users.find(alias), 'miss');
  }

  async findProfile(
    key: Extract<UserKey, { kind: 'id' | 'username' }>,
    freshness?: Freshness,
  ): Promise<Read<Profile> | undefined> {
    const read =
      key.kind === 'id'
        ? await this.#profiles.get(key.value, this.#loadProfile, freshness)
        : await this.#findProfileByUsername(key, freshness);
    this.#needs.statistics.lookedUp(read?.source ?? 'miss');
    return read;
  }

  async #findProfileByUsername(
    alias: Extract<UserKey, { kind: 'username' }>,
    freshness?: Freshness,
  ): Promise<Read<Profile> | undefined> {
    if (freshness === 'authoritative') {
      return found(asProfile(await this.#needs.users.find(alias)), 'bypass');
    }
    const pointer = await this.#pointTo(alias);
    if (pointer === undefined) return undefined;
    const read = await this.#profiles.get(pointer.value, this.#loadProfile);
    if (read !== undefined && read.value.username === alias.value) return read;
    await this.#drop(alias);
    return found(asProfile(await this.#needs.users.find(alias)), 'miss');
  }

  #pointTo(alias: UserAlias): Promise<Read<UserId> | undefined> {
    return this.#pointers[alias.kind].get(alias.value, async () => (await this.#needs.users.find(alias))?.id);
  }

  async #drop(alias: UserAlias): Promise<void> {
    await this.#needs.caches[pointerKinds[alias.kind]].replay(alias.value);
  }

  async findMany(keys: readonly UserKey[], freshness?: Freshness): Promise<readonly (User | undefined)[]> {
    const found = await findManyUsers(this.#needs, keys, freshness);
    for (const { source } of found) this.#needs.statistics.lookedUp(source);
    return found.map(({ value }) => value);
  }
}

const asProfile = (user: User | undefined): Profile | undefined =>
  user?.isActive === true ? toProfile(user) : undefined;

const found = <T>(value: T | undefined, source: Source): Read<T> | undefined =>
  value === undefined ? undefined : { value, source };
