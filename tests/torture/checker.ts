import type { Audit, UserVersion } from './audit.ts';
import type {
  Bounds,
  Call,
  ContactMissing,
  ContactRead,
  ContactWrite,
  Fact,
  PageRead,
  Source,
  TokenUse,
  UserMissing,
  UserRead,
  UserWrite,
  Violation,
  ViolationKind,
} from './facts.ts';
import { clockSlackMs, Ledger, type RecordKind } from './ledger.ts';
import { showPage } from './list-states.ts';

/**
 * Holds what clients saw against what was promised. It is told facts in any order and judges them once the database's
 * log covers them. Floors are kept from one judgement to the next.
 */
export class Checker {
  readonly #bounds: Bounds;
  readonly #ledger: Ledger;
  #violations: Violation[] = [];

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#ledger = new Ledger(bounds);
  }

  /**
   * The violations in these facts. `keepsFences`: Redis lost none meanwhile; otherwise nothing but the log hides what was
   * there before a write. `bounds` where they were others than usual.
   */
  judge(
    audit: Audit,
    facts: readonly Fact[],
    keepsFences: boolean,
    bounds: Bounds = this.#bounds,
  ): readonly Violation[] {
    this.#violations = [];
    this.#ledger.use(audit, keepsFences, bounds);
    // All floors before the first answer is measured: facts are in the order in which they were taken down.
    for (const fact of facts) {
      if (fact.type === 'user-write' || fact.type === 'contact-write') this.#written(fact);
    }
    // What one reader saw binds those after it, also before the write was acknowledged.
    for (const fact of facts) this.#ledger.see(fact);
    for (const fact of facts) this.#check(fact);
    return this.#violations;
  }

  #check(fact: Fact): void {
    if (fact.type === 'user-read') this.#userRead(fact);
    if (fact.type === 'user-missing') this.#userMissing(fact);
    if (fact.type === 'contact-read') this.#contactRead(fact);
    if (fact.type === 'contact-missing') this.#contactMissing(fact);
    if (fact.type === 'page-read') this.#pageRead(fact);
    if (fact.type === 'token-use') this.#tokenUse(fact);
  }

  #written(write: UserWrite | ContactWrite): void {
    if (this.#ledger.acknowledge(write)) return;
    const record = write.type === 'user-write' ? 'user' : 'contact';
    const text = `${record} ${write.id} v${write.version ?? '?'} was acknowledged and is not in the database`;
    this.#report('lost write', write.call, text);
  }

  #userRead({ call, key, id, version, marker, ...seen }: UserRead): void {
    const asked = { id, username: seen.username, email: seen.email, phone: seen.phone }[key.kind];
    if (asked !== undefined && asked !== key.value)
      this.#report('wrong owner', call, `asked for ${key.kind} ${key.value}, got user ${id}`);
    const row = this.#ledger.versions(id).find((candidate) => candidate.version === version);
    const isReal =
      row !== undefined &&
      row.username === seen.username &&
      row.marker === marker &&
      (seen.email === undefined || row.email === seen.email) &&
      (seen.phone === undefined || row.phone === seen.phone) &&
      row.atMs <= call.endMs + clockSlackMs;
    if (!isReal)
      this.#report('wrong owner', call, `user ${id} v${version} was never like this in the database`);
    this.#notOlder('user', id, version, call);
  }

  #userMissing({ call, key, id, hidesInactive }: UserMissing): void {
    // Absence is not cached: it comes from the database.
    const isThere = ({ active, ...row }: UserVersion): boolean =>
      (active || !hidesInactive) && (key.kind === 'id' ? id : row[key.kind]) === key.value;
    if (this.#ledger.possible(id, call).every(isThere))
      this.#report('wrongly refused', call, `user ${id} was not found by ${key.kind} ${key.value}`);
  }

  #contactRead({ call, ownerId, askedId, id, version, marker }: ContactRead): void {
    const place = this.#ledger.placeOf(ownerId, id, version);
    const isReal = place > 0 && this.#ledger.changes(ownerId)[place - 1]?.marker === marker;
    if (id === askedId && isReal) this.#notOlder('contact', id, place, call);
    else
      this.#report('wrong owner', call, `asked for contact ${askedId} of ${ownerId}, got ${id} v${version}`);
  }

  #contactMissing({ call, ownerId, id }: ContactMissing): void {
    const removed = this.#ledger.changes(ownerId)[this.#ledger.placeOf(ownerId, id, 'removed') - 1];
    const wasRemoved = removed !== undefined && removed.atMs <= call.endMs + clockSlackMs;
    if (!wasRemoved && this.#ledger.known('contact', id, call.startMs) > 0)
      this.#report('wrongly refused', call, `contact ${id} of ${ownerId} was not found`);
  }

  #pageRead(page: PageRead): void {
    const { call, ownerId, skip, limit, total, items } = page;
    // The newest that it may have been.
    const state = this.#ledger.statesOf(page).at(-1);
    if (state !== undefined) {
      this.#notOlder('list', ownerId, state, call);
      return;
    }
    const shown = showPage(total, items);
    this.#report('wrong owner', call, `the contacts of ${ownerId} (${skip}+${limit}) were never ${shown}`);
  }

  #tokenUse({ call, userId, tokenVersion, accepted }: TokenUse): void {
    if (!accepted) {
      const isGood = (row: UserVersion): boolean => row.active && row.tokenVersion === tokenVersion;
      if (this.#ledger.possible(userId, call).every(isGood))
        this.#report('wrongly refused', call, `a good token of ${userId} (tv ${tokenVersion}) was refused`);
      return;
    }
    const revoking = this.#ledger.securityFloor(userId, call.startMs);
    const row = this.#ledger.versions(userId).find(({ version }) => version === revoking);
    if (row === undefined || row.tokenVersion <= tokenVersion) return;
    const text = `a token of ${userId} with tv ${tokenVersion} was taken; since v${revoking} it is ${row.tokenVersion}`;
    this.#report('old token', call, text);
  }

  #notOlder(record: RecordKind, id: string, version: number, call: Call): void {
    const floor = this.#ledger.floor(record, id, call);
    if (version >= floor.version) return;
    const text = `${record} ${id} was answered with v${version}, v${floor.version} was known (${floor.because})`;
    this.#report('stale', call, text);
  }

  #report(kind: ViolationKind, { name, server, startMs, endMs, source }: Call, text: string): void {
    const times = `sent ${startMs.toFixed(1)}, answered ${endMs.toFixed(1)}`;
    this.#violations.push({ kind, text: `${text} [${name} on ${server}, from ${from[source]}, ${times}]` });
  }
}

const from: Readonly<Record<Source, string>> = {
  memory: 'memory',
  redis: 'Redis',
  database: 'the database',
  unknown: 'an unnamed tier',
};
