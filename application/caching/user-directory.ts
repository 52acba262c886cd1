import type { UserAlias, UserId, UserKey } from '../../domain/identifiers.ts';
import type { Caches } from '../../domain/ports/cache.ts';
import type { ProvedReads, UserRepository } from '../../domain/ports/persistence.ts';
import type { Clock, Log, Timer } from '../../domain/ports/runtime.ts';
import { goesBy, type Profile, toProfile, type User } from '../../domain/user.ts';
import type { UserDirectory } from '../directories.ts';
import type { Freshness, Read, Source } from '../read.ts';
import { pointers } from '../records/pointers.ts';
import { profiles } from '../records/profile.ts';
import { users } from '../records/user.ts';
import type { Auditing, AuditOf } from './audit.ts';
import { type Load, ReadThrough } from './protocol.ts';
import type { StatisticsCounter } from './statistics.ts';
import { findManyUsers } from './user-batch.ts';

export type UserDirectoryNeeds = {
  readonly users: UserRepository;
  readonly reads: ProvedReads;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly log: Log;
  readonly statistics: StatisticsCounter;
  readonly audit: Auditing;
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
  readonly #userAudit: AuditOf<User>;
  readonly #profileAudit: AuditOf<Profile>;
  readonly #loadUser: Load<User>;
  readonly #loadProfile: Load<Profile>;

  constructor(needs: UserDirectoryNeeds) {
    const { reads, caches, audit } = needs;
    this.#needs = needs;
    this.#users = new ReadThrough(caches.of(users), needs);
    this.#profiles = new ReadThrough(caches.of(profiles), needs);
    this.#pointers = {
      email: new ReadThrough(caches.of(pointers.email), needs),
      username: new ReadThrough(caches.of(pointers.username), needs),
      phone: new ReadThrough(caches.of(pointers.phone), needs),
    };
    this.#userAudit = audit.of(users);
    this.#profileAudit = audit.of(profiles);
    this.#loadUser = (id) => reads.user({ kind: 'id', value: id as UserId });
    this.#loadProfile = async (id) => {
      const row = await this.#loadUser(id);
      const profile = asProfile(row?.value);
      return profile && { value: profile, proof: row?.proof };
    };
  }

  /** What memory can answer is answered without a promise beside the caller's own: most reads end here. */
  find(key: UserKey, freshness: Freshness = 'bounded'): Promise<Read<User> | undefined> {
    const hit = freshness === 'authoritative' ? undefined : this.#peek(key);
    if (hit === undefined) return this.#find(key, freshness);
    this.#answeredUser(hit);
    return Promise.resolve(hit);
  }

  /** By whatever a user was found, it is the user whose age counts: what led there is verified. */
  #answeredUser(read: Read<User | undefined>): void {
    this.#needs.statistics.lookedUp(read.source);
    if (read.value === undefined || !this.#userAudit.isDue(read.source)) return;
    const { id } = read.value;
    const load = () => this.#loadUser(id);
    this.#userAudit.begin({ key: id, load, read: () => this.#users.get(id, load) });
  }

  #answeredProfile(read: Read<Profile>): void {
    this.#needs.statistics.lookedUp(read.source);
    if (!this.#profileAudit.isDue(read.source)) return;
    const { id } = read.value;
    const load = () => this.#loadProfile(id);
    this.#profileAudit.begin({ key: id, load, read: () => this.#profiles.get(id, load) });
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
    this.#answeredUser(read ?? nobody);
    return read;
  }

  async #findByAlias(alias: UserAlias, freshness?: Freshness): Promise<Read<User> | undefined> {
    if (freshness === 'authoritative') return found(await this.#needs.users.find(alias), 'bypass');
    const pointer = await this.#pointTo(alias, freshness);
    if (pointer === undefined) return undefined;
    const read = await this.#users.get(pointer.value, this.#loadUser, freshness);
    if (read !== undefined && goesBy(read.value, alias)) return read;
    if (freshness === 'cached') return undefined;
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
    if (read === undefined) this.#needs.statistics.lookedUp('miss');
    else this.#answeredProfile(read);
    return read;
  }

  async #findProfileByUsername(
    alias: Extract<UserKey, { kind: 'username' }>,
    freshness?: Freshness,
  ): Promise<Read<Profile> | undefined> {
    if (freshness === 'authoritative') {
      return found(asProfile(await this.#needs.users.find(alias)), 'bypass');
    }
    const pointer = await this.#pointTo(alias, freshness);
    if (pointer === undefined) return undefined;
    const read = await this.#profiles.get(pointer.value, this.#loadProfile, freshness);
    if (read !== undefined && read.value.username === alias.value) return read;
    if (freshness === 'cached') return undefined;
    await this.#drop(alias);
    return found(asProfile(await this.#needs.users.find(alias)), 'miss');
  }

  #pointTo(alias: UserAlias, freshness?: Freshness): Promise<Read<UserId> | undefined> {
    const load = async () => {
      const user = await this.#needs.users.find(alias);
      return user && { value: user.id, proof: undefined };
    };
    return this.#pointers[alias.kind].get(alias.value, load, freshness);
  }

  async #drop(alias: UserAlias): Promise<void> {
    await this.#needs.caches.of(pointers[alias.kind]).replay(alias.value);
  }

  async findMany(
    keys: readonly UserKey[],
    freshness?: Exclude<Freshness, 'cached'>,
  ): Promise<readonly (User | undefined)[]> {
    const found = await findManyUsers(this.#needs, keys, freshness);
    for (const read of found) this.#answeredUser(read);
    return found.map(({ value }) => value);
  }
}

const asProfile = (user: User | undefined): Profile | undefined =>
  user?.isActive === true ? toProfile(user) : undefined;

const found = <T>(value: T | undefined, source: Source): Read<T> | undefined =>
  value === undefined ? undefined : { value, source };

const nobody: Read<undefined> = { value: undefined, source: 'miss' };
