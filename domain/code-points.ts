/**
 * Which code points mean what, where that decides something. The tables are written down, of Unicode 17.0, because those of
 * the runtimes differ: one and the same text must be accepted on Node and on Deno, today and after an update of either.
 */

export type Range = readonly [first: number, last: number];

const inRanges = (ranges: readonly Range[]): ((code: number) => boolean) => {
  return (code) => {
    let [low, high] = [0, ranges.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const [first = 0, last = 0] = ranges[middle] ?? [];
      if (code < first) high = middle - 1;
      else if (code > last) low = middle + 1;
      else return true;
    }
    return false;
  };
};

/** The last two of each plane. */
const lastOfPlanes: readonly Range[] = Array.from({ length: 17 }, (_, plane) => [
  plane * 0x10000 + 0xfffe,
  plane * 0x10000 + 0xffff,
]);

/** In no text: other control characters, what turns the direction of text around, what hides in it, and noncharacters. */
const forbidden: readonly Range[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  // Zero width space. The joiners beside it are letters of Persian, Malayalam, Sinhala, and of emoji.
  [0x200b, 0x200b],
  [0x202a, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x2069],
  [0xfdd0, 0xfdef],
  [0xfeff, 0xfeff],
  ...lastOfPlanes,
];

/** Tab, line feed, and the separators of lines and paragraphs. */
const lineBreaks: readonly Range[] = [
  [0x09, 0x0a],
  [0x2028, 0x2029],
];

/** White_Space (PropList.txt), but for control characters that no text may have. */
const spaces: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];

/** Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the empty pattern of braille. */
const invisible: readonly Range[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfff8],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

/** The tables by which a text is refused, for whoever has to refuse the same in another language. */
export const textTables: Readonly<
  Record<'forbidden' | 'lineBreaks' | 'spaces' | 'invisible', readonly Range[]>
> = { forbidden, lineBreaks, spaces, invisible };

const isForbidden = inRanges(forbidden);
const isLineBreak = inRanges(lineBreaks);
const isSpace = inRanges(spaces);
const isInvisible = inRanges(invisible);

const some = (text: string, test: (code: number) => boolean): boolean => {
  for (const character of text) if (test(character.codePointAt(0) ?? 0)) return true;
  return false;
};

export const hasForbidden = (text: string): boolean => some(text, isForbidden);

export const hasLineBreak = (text: string): boolean => some(text, isLineBreak);

/** Whether a reader sees anything of it. */
export const isVisible = (text: string): boolean =>
  some(text, (code) => !isSpace(code) && !isInvisible(code));

/** Without what a reader does not see at its ends: white space. */
export const trimmed = (text: string): string => {
  const characters = [...text];
  const isContent = (character: string): boolean => !isSpace(character.codePointAt(0) ?? 0);
  const first = characters.findIndex(isContent);
  return first === -1 ? '' : characters.slice(first, characters.findLastIndex(isContent) + 1).join('');
};

/** What people put between the digits of a number: Dash (PropList.txt) and its look-alikes, dots, slashes, bullets. */
const isBetweenDigits = inRanges([
  [0x2d, 0x2f],
  [0xb7, 0xb7],
  [0x58a, 0x58a],
  [0x5be, 0x5be],
  [0x1806, 0x1806],
  [0x2010, 0x2015],
  [0x2022, 0x2022],
  [0x2024, 0x2024],
  [0x2043, 0x2044],
  [0x2053, 0x2053],
  [0x207b, 0x207b],
  [0x208b, 0x208b],
  [0x2212, 0x2212],
  [0x2215, 0x2215],
  [0x2e17, 0x2e17],
  [0x2e1a, 0x2e1a],
  [0x2e3a, 0x2e3b],
  [0x3001, 0x3002],
  [0x301c, 0x301c],
  [0x3030, 0x3030],
  [0x30a0, 0x30a0],
  [0x30fb, 0x30fc],
  [0xfe31, 0xfe32],
  [0xfe58, 0xfe58],
  [0xfe63, 0xfe63],
  [0xff0d, 0xff0f],
]);

/** Zeros of the decimal digits (Nd) of the scripts that numbers are written in; each is followed by the other nine. */
const zeros = [
  0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0,
  0xf20, 0x1040, 0x17e0, 0x1810, 0xff10,
];

const opening = '([{\uff08\uff3b';
const closing = ')]}\uff09\uff3d';
const pluses = '+\uff0b\ufe62';

/**
 * What is left of a number as people write it: digits as 0-9, `+`, and brackets as `(` and `)`; `undefined` if there is
 * anything else in it.
 */
export const digitsOf = (text: string): string | undefined => {
  let digits = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const zero = zeros.find((each) => code >= each && code < each + 10);
    if (zero !== undefined) digits += String(code - zero);
    else if (pluses.includes(character)) digits += '+';
    else if (opening.includes(character)) digits += '(';
    else if (closing.includes(character)) digits += ')';
    else if (!isSpace(code) && !isInvisible(code) && !isBetweenDigits(code)) return undefined;
  }
  return digits;
};

/** Ranges as `41-5a 5f`, in hexadecimal. */
const rangesIn = (text: string): readonly Range[] =>
  text.split(/\s+/).map((range) => {
    const [first = 0, last = first] = range.split('-').map((code) => Number.parseInt(code, 16));
    return [first, last];
  });

/**
 * Letters, marks and digits outside of ASCII of the scripts that are written from left to right and recommended for
 * identifiers (UAX 31, table 5), in NFC, as far as they may stand in a domain name (UTS 46). Those are left out that one runtime
 * takes and another does not yet: they came with the last versions of Unicode.
 */
export const isOfDomain: (code: number) => boolean = inRanges(
  rangesIn(
    `c0-d6 d8-f6 f8-24f 300-30e 310-311 313 323-325 32d-32e 330-331 342 345 358 35e 363-373 376-377 37b-37d
   37f 386 388-38a 38c 38e-3a1 3a3-3e1 3f0-3f5 3f7-481 483-4bf 4c1-52f 531-556 559 560-587 900-952 955-957
   960-963 966-96f 971-983 985-98c 98f-990 993-9a8 9aa-9b0 9b2 9b6-9b9 9bc-9c4 9c7-9c8 9cb-9ce 9d7 9e0-9e3
   9e6-9f1 9fc 9fe a01-a03 a05-a0a a0f-a10 a13-a28 a2a-a30 a32 a35 a38-a39 a3c a3e-a42 a47-a48 a4b-a4d a51
   a5c a66-a75 a81-a83 a85-a8d a8f-a91 a93-aa8 aaa-ab0 ab2-ab3 ab5-ab9 abc-ac5 ac7-ac9 acb-acd ad0 ae0-ae3
   ae6-aef af9-aff b01-b03 b05-b0c b0f-b10 b13-b28 b2a-b30 b32-b33 b35-b39 b3c-b44 b47-b48 b4b-b4d b55-b57
   b5f-b63 b66-b6f b71 b82-b83 b85-b8a b8e-b90 b92-b95 b99-b9a b9c b9e-b9f ba3-ba4 ba8-baa bae-bb9 bbe-bc2
   bc6-bc8 bca-bcd bd0 bd7 be6-bef c00-c0c c0e-c10 c12-c28 c2a-c39 c3d-c44 c46-c48 c4a-c4d c55-c56 c58-c5a
   c5d c60-c63 c66-c6f c80-c83 c85-c8c c8e-c90 c92-ca8 caa-cb3 cb5-cb9 cbc-cc4 cc6-cc8 cca-ccd cd5-cd6
   cdd-cde ce0-ce3 ce6-cef cf1-cf2 d00-d0c d0e-d10 d12-d44 d46-d48 d4a-d4e d54-d57 d5f-d63 d66-d6f d7a-d7f
   d81-d83 d85-d96 d9a-db1 db3-dbb dbd dc0-dc6 dca dcf-dd4 dd6 dd8-ddf de6-def df2-df3 e01-e3a e40-e4e
   e50-e59 e81-e82 e84 e86-e8a e8c-ea3 ea5 ea7-ebd ec0-ec4 ec6 ec8-ecd ed0-ed9 edc-edf f00 f18-f19 f20-f29
   f35 f37 f39 f3e-f42 f44-f47 f49-f4c f4e-f51 f53-f56 f58-f5b f5d-f68 f6a-f6c f71-f72 f74 f77 f79-f80
   f82-f84 f86-f92 f94-f97 f99-f9c f9e-fa1 fa3-fa6 fa8-fab fad-fb8 fba-fbc fc6 1000-1049 1050-109d 10d0-10fa
   10fc-10ff 1200-1248 124a-124d 1250-1256 1258 125a-125d 1260-1288 128a-128d 1290-12b0 12b2-12b5 12b8-12be
   12c0 12c2-12c5 12c8-12d6 12d8-1310 1312-1315 1318-135a 135d-135f 1780-17b3 17b6-17d3 17d7 17dc-17dd
   17e0-17e9 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f70 1f72 1f74 1f76 1f78
   1f7a 1f7c 1f80-1fb4 1fb6-1fba 1fbc 1fc2-1fc4 1fc6-1fc8 1fca 1fcc 1fd0-1fd2 1fd6-1fda 1fe0-1fe2 1fe4-1fea
   1fec 1ff2-1ff4 1ff6-1ff8 1ffa 1ffc 3005-3006 302a-302f 3031-3035 303b-303c 3041-3096 3099-309a 309d-309f
   30a1-30fa 30fc-30ff 3105-312f 31a0-31bf 3400-4dbf 4e00-9fff ac00-d7a3 20000-2a6df 2a700-2b739 2b740-2b81d
   2b820-2cea1 2ceb0-2ebe0 2ebf0-2ee5d 30000-3134a 31350-323af`,
  ),
);

/** The same of Hebrew, Arabic and Thaana, without digits. */
export const isOfDomainFromRight: (code: number) => boolean = inRanges(
  rangesIn('5d0-5ea 620-65f 670-6d3 6d5 6fa-6fc 6ff 750-7b1'),
);
