import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contact, PageRequest } from '../../domain/contact.ts';
import type { ContactPosition } from '../../domain/cursor.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { contact, contactEmail, email, phone, contactSearch as wanted } from '../support/fixtures.ts';
import { birthdays, contactEmails, lines, phones, texts } from '../support/unusual-inputs.ts';
import { fresh, freshNumber, store, storeContacts } from './persistence-support.ts';

const all: PageRequest = { skip: 0, limit: 100 };

const positionOf = (contact: Contact | undefined): ContactPosition | null =>
  contact === undefined ? null : { createdAtMs: contact.createdAtMs, id: contact.id };

export const contactsContract = (database: () => Database): void => {
  const ownerWith = async (count: number, fields: (n: number) => Partial<Contact> = () => ({})) => {
    const owner = fresh();
    await store(database(), owner);
    const id = owner.user.id;
    const contacts = Array.from({ length: count }, (_, n) => contact(freshNumber(), id, fields(n)));
    await storeContacts(database(), id, contacts);
    return { id, contacts };
  };

  describe('contacts', () => {
    it('finds a contact with every field as it was stored', async () => {
      const nothing = { lastName: null, email: null, phone: null, birthday: null, notes: null };
      const company = { ...nothing, firstName: null, organization: 'Analytical Engines' };
      const { id, contacts } = await ownerWith(
        3,
        (n) => [{ organization: 'Navy' }, nothing, company][n] ?? {},
      );
      for (const each of contacts) expect(await database().contacts.find(id, each.id)).toEqual(each);
    });

    it('keeps unusual texts and numbers as they are', async () => {
      const stored = [...lines.accepted, ...texts.accepted].map(([, text]) => text);
      const numbers = phones.accepted.map(([, number]) => phone(number));
      const emails = contactEmails.accepted.map(([, address]) => contactEmail(address));
      const { id, contacts } = await ownerWith(stored.length, (n) => ({
        firstName: lines.accepted[n]?.[1] ?? 'Ann',
        notes: stored[n] ?? null,
        phone: numbers[n] ?? null,
        email: emails[n] ?? null,
      }));
      for (const each of contacts) expect(await database().contacts.find(id, each.id)).toEqual(each);
    });

    it('keeps dates as they are from year 1 to 9999, leap days too, and without a year', async () => {
      const stored = [...birthdays.accepted.map(([, date]) => date), '0004-02-29', '2024-02-29', '--12-31'];
      const { id, contacts } = await ownerWith(stored.length, (n) => ({ birthday: stored[n] ?? null }));
      for (const each of contacts) {
        expect((await database().contacts.find(id, each.id))?.birthday).toBe(each.birthday);
      }
    });

    it('shows no user the contact of another', async () => {
      const [mine, theirs] = [await ownerWith(2), await ownerWith(3)];
      for (const each of theirs.contacts) {
        expect(await database().contacts.find(mine.id, each.id)).toBeUndefined();
      }
      expect((await database().contacts.page(mine.id, all)).total).toBe(2);
      expect((await database().contacts.search(mine.id, wanted('First'), all)).total).toBe(2);
    });

    it('for all owners and pages: only the owner’s contacts, newest first, each once, with the true total', async () => {
      // Equal times on purpose: then the id decides.
      const owners = [await ownerWith(7, () => ({ createdAtMs: Date.UTC(2026, 0, 1) })), await ownerWith(12)];
      const newestFirst = (a: Contact, b: Contact): number =>
        b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...owners),
          fc.integer({ min: 0, max: 15 }),
          fc.integer({ min: 1, max: 15 }),
          async ({ id, contacts }, skip, limit) => {
            const items = [...contacts].sort(newestFirst).slice(skip, skip + limit);
            const page = await database().contacts.page(id, { skip, limit });
            const next = skip + limit < contacts.length ? positionOf(items.at(-1)) : null;
            expect(page).toEqual({
              ownerId: id,
              items,
              total: contacts.length,
              skip,
              after: null,
              limit,
              next,
            });
          },
        ),
        { numRuns: 40 },
      );
    }, 30_000);

    it('for all writes between the pages: by position, shows what is there all the while once, and nothing twice', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 4 }),
          fc.array(fc.constantFrom('add', 'add older', 'remove shown', 'remove ahead', 'change'), {
            maxLength: 8,
          }),
          async (limit, writes) => {
            // Pairs of one time, so that a page may end between them.
            const { id, contacts } = await ownerWith(9, (n) => ({
              createdAtMs: Date.UTC(2026, 0, 1) + (n >> 1),
            }));
            const stays = new Set(contacts.map((each) => each.id));
            const shown: ContactId[] = [];
            const remove = (gone: ContactId | undefined) =>
              database().transactions.run(async (transaction) => {
                await transaction.users.lock(id);
                if (gone === undefined) return;
                stays.delete(gone);
                await transaction.contacts.delete(id, gone);
              });
            const write = async (what: string | undefined): Promise<void> => {
              if (what === 'add') await storeContacts(database(), id, [contact(freshNumber(), id)]);
              if (what === 'add older')
                await storeContacts(database(), id, [contact(freshNumber(), id, { createdAtMs: 1 })]);
              // Also the one behind which the next page begins.
              if (what === 'remove shown') await remove(shown.at(-1));
              if (what === 'remove ahead')
                await remove(contacts.toReversed().find((each) => !shown.includes(each.id))?.id);
              if (what === 'change') {
                const [changed] = contacts.filter((each) => stays.has(each.id));
                if (changed === undefined) return;
                await database().transactions.run(async (transaction) => {
                  await transaction.users.lock(id);
                  await transaction.contacts.update({ ...changed, firstName: 'Changed', version: 2 });
                });
              }
            };
            let page = await database().contacts.page(id, { skip: 0, limit });
            for (let n = 0; ; n++) {
              shown.push(...page.items.map((each) => each.id));
              if (page.next === null) break;
              await write(writes[n]);
              page = await database().contacts.page(id, { after: page.next, limit });
            }
            expect(new Set(shown).size).toBe(shown.length);
            for (const each of stays) expect(shown).toContain(each);
          },
        ),
        { numRuns: 15 },
      );
    }, 60_000);

    it('answers an empty page for an owner without contacts, or without an account', async () => {
      const { id } = await ownerWith(0);
      const nobody = fresh().user.id;
      for (const ownerId of [id, nobody]) {
        expect(await database().contacts.page(ownerId, all)).toEqual({
          ownerId,
          items: [],
          total: 0,
          ...all,
          after: null,
          next: null,
        });
        expect(await database().contacts.search(ownerId, wanted('a'), all)).toEqual({
          ownerId,
          items: [],
          total: 0,
          ...all,
          after: null,
          next: null,
        });
      }
    });
  });

  describe('search', () => {
    const search = async (ownerId: UserId, text: string): Promise<readonly string[]> => {
      const { items, total } = await database().contacts.search(ownerId, wanted(text), all);
      expect(total).toBe(items.length);
      return items.map(({ firstName, organization }) => firstName ?? organization ?? '').sort();
    };

    it('looks into names, email and phone, ignoring case', async () => {
      const people: readonly Partial<Contact>[] = [
        { firstName: 'Ada', lastName: 'Lovelace', email: null, phone: null },
        { firstName: 'Grace', lastName: null, email: email('hopper@navy.example'), phone: null },
        { firstName: null, lastName: null, organization: 'Analytical Engines', email: null, phone: null },
        { firstName: 'Émilie', lastName: 'du Châtelet', email: null, phone: phone('+33123456789') },
      ];
      const { id } = await ownerWith(people.length, (n) => people[n] ?? {});
      expect(await search(id, 'LOVE')).toEqual(['Ada']);
      expect(await search(id, 'ada love')).toEqual(['Ada']);
      expect(await search(id, 'navy')).toEqual(['Grace']);
      expect(await search(id, '3312345')).toEqual(['Émilie']);
      expect(await search(id, 'émilie')).toEqual(['Émilie']);
      expect(await search(id, 'e')).toEqual(['Ada', 'Analytical Engines', 'Grace', 'Émilie']);
      expect(await search(id, 'ENGINES')).toEqual(['Analytical Engines']);
      expect(await search(id, 'nobody')).toEqual([]);
    });

    it('looks for a number as it is typed, with the zero that is dialled at home too', async () => {
      const { id } = await ownerWith(1, () => ({ firstName: 'Ann', phone: phone('+491701234567') }));
      for (const text of ['+49 170 1234567', '0170 / 123 45 67', '(0170) 1234', '170-1234'])
        expect(await search(id, text)).toEqual(['Ann']);
      expect(await search(id, '0171 1234')).toEqual([]);
    });

    it('finds an address with an internationalised domain as it was typed', async () => {
      const { id } = await ownerWith(1, () => ({
        firstName: 'Ann',
        email: contactEmail('Office@Bücher.example'),
      }));
      for (const text of ['office@bücher', 'Bücher.EXAMPLE', 'bu\u0308cher'])
        expect(await search(id, text)).toEqual(['Ann']);
      // Its ASCII form nobody typed.
      expect(await search(id, 'xn--bcher-kva')).toEqual([]);
    });

    it('finds words in any order, without regard to case, accents, width and spaces', async () => {
      const people: readonly Partial<Contact>[] = [
        { firstName: 'Ann', lastName: 'Lee', email: null, phone: null },
        { firstName: 'Zoë', lastName: 'Łukasiewicz', email: null, phone: null },
        { firstName: 'Jürgen', lastName: 'Groß', email: null, phone: null },
        { firstName: 'Артём', lastName: 'ЩЕРБАКОВ', email: null, phone: null },
        { firstName: 'İpek', lastName: 'Işık', email: null, phone: null },
        { firstName: 'Σίσυφος', lastName: null, email: email('stone@hill.example'), phone: null },
        { firstName: 'أحمد', lastName: 'مُحَمَّد', email: null, phone: null },
        { firstName: 'Seán', lastName: 'O’Brien‐Kelly', email: null, phone: null },
        { firstName: 'कवि', lastName: 'が', email: null, phone: null },
      ];
      const { id } = await ownerWith(people.length, (n) => people[n] ?? {});
      for (const [text, name] of [
        ['lee ann', 'Ann'],
        ['ann  lee', 'Ann'],
        ['ＡＮＮ', 'Ann'],
        ['le nn', 'Ann'],
        ['lukasie zoe', 'Zoë'],
        ['GROSS', 'Jürgen'],
        ['groß jurgen', 'Jürgen'],
        ['артем щербаков', 'Артём'],
        ['ipek isik', 'İpek'],
        ['IPEK', 'İpek'],
        ['σισυφοσ', 'Σίσυφος'],
        ['ΣΊΣΥΦΟΣ hill', 'Σίσυφος'],
        ['احمد محمد', 'أحمد'],
        ["o'brien-kelly sean", 'Seán'],
        ['कवि', 'कवि'],
      ] as const) {
        expect([text, await search(id, text)]).toEqual([text, [name]]);
      }
      // Not everything that looks like an accent is one.
      expect(await search(id, 'か')).toEqual([]);
      expect(await search(id, 'ann nobody')).toEqual([]);
      expect(await search(id, '\u0301')).toEqual([]);
    });

    it('finds what was changed by its new name, and what was removed by none', async () => {
      const { id, contacts } = await ownerWith(2, () => ({ firstName: 'Before', lastName: null }));
      const [changed, removed] = contacts;
      if (changed === undefined || removed === undefined) throw new Error('two contacts are needed');
      await database().transactions.run(async (transaction) => {
        await transaction.users.lock(id);
        await transaction.contacts.update({ ...changed, firstName: 'After', version: 2 });
        await transaction.contacts.delete(id, removed.id);
      });
      expect(await search(id, 'before')).toEqual([]);
      expect(await search(id, 'after')).toEqual(['After']);
    });

    it('does not look into notes', async () => {
      const { id } = await ownerWith(1, () => ({ notes: 'a secret meeting' }));
      expect(await search(id, 'secret')).toEqual([]);
    });

    it('takes % _ \\ for themselves', async () => {
      const names = ['100%', 'snake_case', 'back\\slash', "o'neil", 'plain'];
      const { id } = await ownerWith(names.length, (n) => ({
        firstName: names[n] ?? '',
        lastName: null,
        email: null,
      }));
      // activerecord-hackery/ransack#256, zotero/zotero#1787, taginfo/taginfo#40
      for (const [text, name] of [
        ['%', '100%'],
        ['_', 'snake_case'],
        ['\\', 'back\\slash'],
        ["'", "o'neil"],
      ] as const) {
        expect(await search(id, text)).toEqual([name]);
      }
      expect(await search(id, 'pl_in')).toEqual([]);
    });

    it('finds what others report that their programs do not', async () => {
      const people: readonly Partial<Contact>[] = [
        { firstName: 'Boris', lastName: 'Vian', email: null, phone: null },
        { firstName: 'Ömer', lastName: null, email: email('omercan+ikas@example.com'), phone: null },
        { firstName: '!@#$%^&*()', lastName: '😊🌟🚀', email: null, phone: null },
        { firstName: 'Işık', lastName: 'İnşaat', email: null, phone: null },
        { firstName: null, lastName: null, organization: 'Q&A [*.*] (Ltd.)', email: null, phone: null },
        { firstName: 'Dr.', lastName: null, email: null, phone: phone('+13108207129') },
      ];
      const { id } = await ownerWith(people.length, (n) => people[n] ?? {});
      for (const [text, name] of [
        // Neamar/KISS#2353
        ['vian boris', 'Boris'],
        // chatwoot/chatwoot#4089, also where a client sends the plus as it is, and it arrives as a space
        ['omercan+ikas@example.com', 'Ömer'],
        ['omercan ikas@example.com', 'Ömer'],
        // Expensify/App#68023
        ['!@#$%^&*()', '!@#$%^&*()'],
        ['🌟', '!@#$%^&*()'],
        // OHF-Voice/hassil#295, 4gray/iptvnator#609
        ['ışık', 'Işık'],
        ['IŞIK', 'Işık'],
        ['inş', 'Işık'],
        // activerecord-hackery/ransack#256, and what a regular expression would read
        ['*.*', 'Q&A [*.*] (Ltd.)'],
        ['(ltd.)', 'Q&A [*.*] (Ltd.)'],
        // FreePBX/superfecta#361
        ['+1 (310) 820-7129', 'Dr.'],
        ['tel:+1-310-820-7129', 'Dr.'],
      ] as const) {
        expect([text, await search(id, text)]).toEqual([text, [name]]);
      }
    });

    it('pages through its matches like through a list', async () => {
      const { id, contacts } = await ownerWith(5, (n) => ({ lastName: n % 2 === 0 ? 'Even' : 'Odd' }));
      const page = await database().contacts.search(id, wanted('even'), { skip: 1, limit: 1 });
      const of = { ownerId: id, total: 3, limit: 1 };
      const next = positionOf(contacts[2]);
      expect(page).toEqual({ ...of, items: [contacts[2]], skip: 1, after: null, next });
      const last = await database().contacts.search(id, wanted('even'), { after: next, limit: 1 });
      expect(last).toEqual({ ...of, items: [contacts[0]], skip: null, after: next, next: null });
      expect((await database().contacts.search(id, wanted('even'), { skip: 3, limit: 1 })).total).toBe(3);
    });
  });

  describe('contacts in a transaction', () => {
    it('inserts, changes, counts and deletes under the owner’s lock', async () => {
      const { id, contacts } = await ownerWith(2);
      const [kept, gone] = contacts;
      if (kept === undefined || gone === undefined) throw new Error('two contacts are needed');
      const added = contact(freshNumber(), id);
      await database().transactions.run(async (transaction) => {
        await transaction.users.lock(id);
        expect(await transaction.contacts.find(id, kept.id)).toEqual(kept);
        await transaction.contacts.insert(added);
        await transaction.contacts.update({ ...kept, firstName: 'Changed', version: 2 });
        await transaction.contacts.delete(id, gone.id);
        expect(await transaction.contacts.count(id)).toBe(2);
        expect(await transaction.contacts.find(id, gone.id)).toBeUndefined();
        expect((await transaction.contacts.find(id, kept.id))?.firstName).toBe('Changed');
      });
      const { items, total } = await database().contacts.page(id, all);
      expect(total).toBe(2);
      expect(items).toEqual([added, { ...kept, firstName: 'Changed', version: 2 }]);
    });

    it('neither finds, changes nor deletes another’s contact', async () => {
      const [mine, theirs] = [await ownerWith(1), await ownerWith(1)];
      const [foreign] = theirs.contacts;
      if (foreign === undefined) throw new Error('a contact is needed');
      await database().transactions.run(async (transaction) => {
        await transaction.users.lock(mine.id);
        expect(await transaction.contacts.find(mine.id, foreign.id)).toBeUndefined();
        await transaction.contacts.delete(mine.id, foreign.id);
      });
      const steal = database().transactions.run(async (transaction) => {
        await transaction.users.lock(mine.id);
        await transaction.contacts.update({ ...foreign, ownerId: mine.id });
      });
      await expect(steal).rejects.toThrow();
      expect(await database().contacts.find(theirs.id, foreign.id)).toEqual(foreign);
    });

    it('refuses a contact of an owner that does not exist', async () => {
      const nobody = fresh().user.id;
      await expect(storeContacts(database(), nobody, [contact(freshNumber(), nobody)])).rejects.toThrow();
    });
  });
};
