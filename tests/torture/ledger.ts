import type { Audit, ContactChange, UserVersion } from './audit.ts';
import type { Bounds, Call, ContactWrite, Fact, PageRead, UserRead, UserWrite } from './facts.ts';
import { type Floor, Floors, type Way } from './floors.ts';
import { ListStates } from './list-states.ts';

/** How far the wall clock of the database's log and our monotonic clock may be apart, in milliseconds. */
export const clockSlackMs = 50;

/** Within which a wake-up is sent, for it takes a connection of its own. */
const wakeMs = 2500;

type Change = Pick<UserVersion | ContactChange, 'by' | 'atMs'>;

export type RecordKind = 'user' | 'contact' | 'list';

/**
 * What is known of every record: its versions from the database's log, and the floors under what may be answered. A
 * contact's versions are numbered by their place among the changes of its owner, so that its removal has a number too;
 * a list's version is the number of its changes.
 */
export class Ledger {
  #bounds: Bounds;
  readonly #floors = new Map<string, Floors>();
  #audit: Audit = { users: new Map(), lists: new Map(), wakes: [] };
  #keepsFences = true;
  #states = new Map<string, ListStates>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** A newer log, which holds all of the last one; whether Redis kept every fence since then; the bounds since then. */
  use(audit: Audit, keepsFences: boolean, bounds: Bounds): void {
    this.#bounds = bounds;
    this.#audit = audit;
    this.#keepsFences = keepsFences;
    this.#states = new Map();
  }

  versions(userId: string): readonly UserVersion[] {
    return this.#audit.users.get(userId) ?? [];
  }

  changes(ownerId: string): readonly ContactChange[] {
    return this.#audit.lists.get(ownerId) ?? [];
  }

  /** The place of a contact's version among its owner's changes, from 1; 0 if there is none. */
  placeOf(ownerId: string, contactId: string, version: number | 'removed'): number {
    const changes = this.changes(ownerId);
    return changes.findIndex((change) => change.contactId === contactId && change.version === version) + 1;
  }

  /** The states of the list that the page may show, ascending. */
  statesOf({ ownerId, call, ...page }: PageRead): readonly number[] {
    const states = this.#states.get(ownerId) ?? new ListStates(this.changes(ownerId));
    this.#states.set(ownerId, states);
    return states.find(page, call.endMs + clockSlackMs);
  }

  floor(record: RecordKind, id: string, call: Call): Floor {
    return this.#floorsOf(record, id).of(call, this.#bounds);
  }

  /** The newest security write of a user that was acknowledged before a moment; 0: none. */
  securityFloor(userId: string, beforeMs: number): number {
    return this.#floorsOf('user', userId).security(beforeMs);
  }

  /** What had been acknowledged or seen of a record before a moment; 0: nothing. */
  known(record: RecordKind, id: string, beforeMs: number): number {
    return this.#floorsOf(record, id).at(beforeMs);
  }

  /** The versions that the database may have shown to a request that it answered. */
  possible(userId: string, { startMs, endMs }: Call): readonly UserVersion[] {
    const least = this.known('user', userId, startMs);
    return this.versions(userId).filter(
      ({ version, atMs }) => version >= least && atMs <= endMs + clockSlackMs,
    );
  }

  /** Takes an acknowledged write as a floor; whether the database has it. */
  acknowledge(write: UserWrite | ContactWrite): boolean {
    return write.type === 'user-write' ? this.#acknowledgeUser(write) : this.#acknowledgeContact(write);
  }

  #acknowledgeUser({ call, id, version, tokenVersionBefore, security, marker }: UserWrite): boolean {
    const row = this.versions(id).find((candidate) =>
      version === undefined ? candidate.tokenVersion > tokenVersionBefore : candidate.version === version,
    );
    if (row === undefined || (marker !== undefined && row.marker !== marker)) return false;
    const way = this.#way(row, call);
    this.#floorsOf('user', id).add(row.version, call.endMs, way, writerOf(call), security);
    return true;
  }

  #acknowledgeContact({ call, ownerId, id, version, marker }: ContactWrite): boolean {
    const place = this.placeOf(ownerId, id, version);
    const change = this.changes(ownerId)[place - 1];
    if (change === undefined || (marker !== undefined && change.marker !== marker)) return false;
    const way = this.#way(change, call);
    this.#floorsOf('contact', id).add(place, call.endMs, way, writerOf(call));
    this.#floorsOf('list', ownerId).add(place, call.endMs, way, writerOf(call));
    return true;
  }

  /** Takes what a reader saw as a floor under those after it. */
  see(fact: Fact): void {
    if (fact.type === 'user-read') this.#seeUser(fact);
    if (fact.type === 'page-read') this.#seePage(fact);
  }

  #seeUser({ id, version, call }: UserRead): void {
    const row = this.versions(id).find((candidate) => candidate.version === version);
    if (row !== undefined) this.#floorsOf('user', id).add(version, call.endMs, this.#seenWay(row, call));
  }

  #seePage(page: PageRead): void {
    const { ownerId, call } = page;
    // The oldest that it may have been, or we would claim that somebody saw what nobody did.
    const { version: least } = this.floor('list', ownerId, call);
    const state = this.statesOf(page).find((candidate) => candidate >= least) ?? 0;
    const change = this.changes(ownerId)[state - 1];
    if (change !== undefined)
      this.#floorsOf('list', ownerId).add(state, call.endMs, this.#seenWay(change, call));
  }

  /** A writer whose fences were not confirmed wakes the others, between its commit and its acknowledgement or soon after. */
  #way({ by }: Change, { startMs, endMs }: Pick<Call, 'startMs' | 'endMs'>): Way {
    if (by === 'psql' || !this.#keepsFences) return 'logged';
    const isNear = (atMs: number): boolean => atMs > startMs - clockSlackMs && atMs < endMs + wakeMs;
    return this.#audit.wakes.some(isNear) ? 'logged' : 'fenced';
  }

  /** Of what a reader saw: its writer may not have been answered yet. */
  #seenWay(change: Change, { endMs }: Call): Way {
    return this.#way(change, { startMs: change.atMs, endMs });
  }

  #floorsOf(record: RecordKind, id: string): Floors {
    const name = `${record} ${id}`;
    const known = this.#floors.get(name) ?? new Floors();
    this.#floors.set(name, known);
    return known;
  }
}

/** Raw SQL has no server. */
const writerOf = ({ server }: Call): string | undefined => (server === '' ? undefined : server);
