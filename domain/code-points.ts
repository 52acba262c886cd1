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
