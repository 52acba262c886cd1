import { type ContactId, parseContactId, type UserId } from './identifiers.ts';
import { ok } from './result.ts';
import { invalid, type Parsed } from './text.ts';

/**
 * A place in a list of contacts: behind the contact that was made then and has this id, whether or not it is still there.
 * What is newer comes before it, so a page behind a position shows what it would show if nobody wrote. The time is as the
 * database has it, in milliseconds: also one that no calendar has, up to infinity, which PostgreSQL knows.
 */
export type ContactPosition = { readonly createdAtMs: number; readonly id: ContactId };

/**
 * What a cursor is of: one owner's list, or what a search finds in it. A cursor of another list is refused, so that nobody
 * goes on in the middle of something else by mistake. That is no secret and protects nothing: the owner is in every query.
 */
export const listName = (ownerId: UserId, words: readonly string[] = [], digits = ''): string =>
  JSON.stringify([ownerId, [...words].sort(), digits]);

/** A text for clients, which they give back as it is; its form may change. Of `A-Z`, `a-z`, `0-9`, at most 80. */
export const formatCursor = ({ createdAtMs, id }: ContactPosition, list: string): string =>
  `c${digest(list)}${id.replaceAll('-', '')}${createdAtMs < 0 ? 'n' : 'p'}${Math.abs(createdAtMs)}`;

export const parseCursor = (input: unknown, list: string): Parsed<ContactPosition> => {
  const refused = invalid('invalid-format', 'the next_cursor of a page of this very list is expected');
  const parts = typeof input === 'string' && input.length <= 80 ? written.exec(input)?.groups : undefined;
  if (parts === undefined || parts['list'] !== digest(list)) return refused;
  const id = parseContactId(parts['id']?.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
  const createdAtMs = Number(parts['ms']) * (parts['sign'] === 'n' ? -1 : 1);
  return id.ok && !Number.isNaN(createdAtMs) ? ok({ createdAtMs, id: id.value }) : refused;
};

const written = /^c(?<list>[0-9a-f]{16})(?<id>[0-9a-f]{32})(?<sign>[np])(?<ms>[0-9]{1,16}|Infinity)$/;

/** 64 bits in hexadecimal, by FNV-1a (Fowler, Noll, Vo) in two halves from different starts. It hides nothing. */
export const digest = (text: string): string => {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit ^ (low >>> 15), 0x01000193);
  }
  return [low, high].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
};
