import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatCursor, listName, parseCursor } from '../../domain/cursor.ts';
import { contactId, userId } from '../support/fixtures.ts';

const list = listName(userId(1));
const position = fc.record({
  createdAtMs: fc.oneof(
    fc.maxSafeInteger().map((ms) => ms + 0),
    fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0),
  ),
  id: fc.nat().map(contactId),
});

it('for every position: a cursor leads back to it, is short, and stands in a URL as it is', () => {
  fc.assert(
    fc.property(position, (at) => {
      const cursor = formatCursor(at, list);
      expect(parseCursor(cursor, list)).toEqual({ ok: true, value: at });
      expect(cursor).toMatch(/^[A-Za-z0-9]{1,80}$/);
    }),
  );
});

it('for every text: what is no cursor of this list is refused, and its value not repeated', () => {
  const at = { createdAtMs: 1, id: contactId(1) };
  const others = [listName(userId(2)), listName(userId(1), ['ann']), listName(userId(1), [], '17012')];
  const cursors = others.map((other) => formatCursor(at, other));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom(...cursors), fc.anything()), (text) => {
      expect(parseCursor(text, list)).toEqual({
        ok: false,
        error: {
          code: 'invalid-format',
          detail: 'the next_cursor of a page of this very list is expected',
        },
      });
    }),
  );
});

it('a search has one name, in whatever order its words are', () => {
  expect(listName(userId(1), ['lee', 'ann'])).toBe(listName(userId(1), ['ann', 'lee']));
  expect(listName(userId(1), ['ann lee'])).not.toBe(listName(userId(1), ['ann', 'lee']));
});
