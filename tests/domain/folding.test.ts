import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { foldText } from '../../domain/folding.ts';

const characters = function* (): Generator<string> {
  for (let code = 1; code <= 0x10ffff; code++)
    if (code < 0xd800 || code > 0xdfff) yield String.fromCodePoint(code);
};

describe('a folded text', () => {
  it.each([
    ['Émilie  du\tChâtelet ', 'emilie du chatelet'],
    ['STRASSE Straße ﬁn ĲSSEL', 'strasse strasse fin ijssel'],
    ['Łódź Øre Æsir Þór Đorđe', 'lodz ore aesir thor dorde'],
    ['İSTANBUL ılık', 'istanbul ilik'],
    ['ΟΔΥΣΣΕΎΣ Ὀδυσσεύς', 'οδυσσευσ οδυσσευσ'],
    ['Ёлка Йод', 'елка иод'],
    ['ＡＢＣ　１２３', 'abc 123'],
    ['e\u0301\u00ad\u200b', 'e'],
    ['שָׁלוֹם مُحَمَّد', 'שלום محمد'],
    ['O’Neil‐Smith', "o'neil-smith"],
    // Marks that are letters stay.
    ['हिन्दी が ไทย', 'हिन्दी が ไทย'],
    ['', ''],
    [' \u0301 ', ''],
  ])('of %j is %j', (text, folded) => {
    expect(foldText(text)).toBe(folded);
  });

  it('is the same for the composed and the decomposed form of a text', () => {
    for (const text of ['Émilie', 'Ṩǭ', 'Ὀδυσσεύς', 'Й', 'أحمد'])
      expect(foldText(text.normalize('NFD'))).toBe(foldText(text.normalize('NFC')));
  });

  it('for every code point: stays as it is when it is folded again', () => {
    for (const character of characters()) {
      const folded = foldText(`a${character}b`);
      if (foldText(folded) !== folded) expect([character, foldText(folded)]).toEqual([character, folded]);
    }
  }, 120_000);

  // Migrations and rows are made from it. Another folding takes a migration that makes the functions and all texts anew.
  it('is that of the migration 0007-contact-lists, on every runtime', () => {
    const hash = createHash('sha256');
    for (const character of characters()) hash.update(`${foldText(`a${character}b`)}\n`);
    expect(hash.digest('hex').slice(0, 16)).toBe('9493f6dc82668e75');
  }, 120_000);
});
