/**
 * What people type that programs often refuse, or take and should not. One list for every layer: the rules of the domain,
 * both databases, both runtimes. Each entry says why it is here.
 */

export type Accepted = readonly [input: string, stored: string, why: string];
export type Refused = readonly [input: string, why: string];

/** What no text may have. */
const hidden: readonly Refused[] = [
  ['Ann\u0000', 'NUL'],
  ['Ann\u001b[31m', 'an escape of terminals'],
  ['An\u0085n', 'a control character of C1'],
  ['user\u202egpj.exe', 'text that is turned around'],
  ['\u2066Ann\u2069', 'isolates'],
  ['An\u200bn', 'a zero width space'],
  ['\ufeffAnn', 'a byte order mark'],
  ['An\u2060n', 'a word joiner'],
  ['Ann\ufffe', 'a noncharacter'],
  ['Ann\u{1ffff}', 'a noncharacter outside of the first plane'],
  ['Ann\ud800', 'a lone surrogate'],
];

/** For fields of one line, as names are. */
export const lines: { readonly accepted: readonly Accepted[]; readonly refused: readonly Refused[] } = {
  accepted: [
    ['می‌خواهم', 'می‌خواهم', 'Persian is written with the zero width non-joiner'],
    ['ශ්‍රී', 'ශ්‍රී', 'Sinhala is written with the zero width joiner'],
    ['മലയാളം‍', 'മലയാളം‍', 'Malayalam, with a joiner at the end'],
    ['नेपाल्‌को', 'नेपाल्‌को', 'Nepali, with a non-joiner'],
    ['👩‍💻', '👩‍💻', 'an emoji of two, joined'],
    ['🏴󠁧󠁢󠁳󠁣󠁴󠁿', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', 'a flag with tag characters'],
    ['❤️', '❤️', 'an emoji with a variation selector'],
    ['\u200fשלום', '\u200fשלום', 'a right-to-left mark before Hebrew'],
    ['שלום\u200e!', 'שלום\u200e!', 'a left-to-right mark'],
    ['\u{1faea}', '\u{1faea}', 'an emoji that only some runtimes know'],
    ['\u{10eed}', '\u{10eed}', 'not assigned in Unicode 17'],
    ['\ue000', '\ue000', 'private use, as fonts of companies have'],
    ['e\u0301', '\u00e9', 'a combining accent becomes one character (NFC)'],
    ['  Ann  ', 'Ann', 'white space at the ends'],
    ['\u3000山田\u3000太郎\u3000', '山田\u3000太郎', 'ideographic spaces'],
    ["O'Brien-Ñúñez, Jr.", "O'Brien-Ñúñez, Jr.", 'what stands in names'],
    ['X Æ A-12', 'X Æ A-12', 'digits in names'],
    ['\u{20000}', '\u{20000}', 'outside of the first plane'],
    ['Z͑ͫ̓̑ͥ', 'Z͑ͫ̓̑ͥ', 'many marks on one letter'],
    ['null', 'null', 'a name that is a word of programs'],
  ],
  refused: [
    ['\u3164', 'a filler that nobody sees'],
    ['\u2800', 'an empty pattern of braille'],
    ['\u00ad', 'a soft hyphen alone'],
    ['\u200d\u200c', 'joiners alone'],
    ['\ufe0f', 'a variation selector alone'],
    [' \u00a0\u3000', 'spaces alone'],
    ['Ann\nLee', 'a line break in a name'],
    ['Ann\tLee', 'a tab in a name'],
    ['Ann\u2028Lee', 'a line separator in a name'],
    ...hidden,
  ],
};

/** For free text of several lines. */
export const texts: typeof lines = {
  accepted: [
    ['one\r\ntwo', 'one\ntwo', 'ends of lines of Windows'],
    ['one\rtwo', 'one\ntwo', 'ends of lines of old Macs'],
    ['one\n\ttwo\n', 'one\n\ttwo\n', 'a tab, and a line feed at the end'],
    ['  code\n', '  code\n', 'space at the beginning says something'],
    ['', '', 'nothing'],
  ],
  refused: hidden,
};

export const phones: typeof lines = {
  accepted: [
    ['+44 (0)20 7946 0958', '+442079460958', 'the zero that is dialled at home, in brackets'],
    ['+44 [0] 20 7946 0958', '+442079460958', 'other brackets'],
    ['(+49) 171 1234567', '+491711234567', 'the country code in brackets'],
    ['+39 06 6982', '+39066982', 'a zero of Italy stays'],
    ['\u202a+49 171 1234567\u202c', '+491711234567', 'copied from an address book, with marks of direction'],
    ['\u202d+1 (202) 555\u20110123\u202c', '+12025550123', 'a hyphen that does not break'],
    ['+1 202–555–0123', '+12025550123', 'dashes'],
    ['+49/171/1234567', '+491711234567', 'slashes'],
    ['+1.202.555.0123', '+12025550123', 'dots'],
    ['＋４９　１７１　１２３４５６７', '+491711234567', 'full width'],
    ['+٤٩ ١٧١ ١٢٣٤٥٦٧', '+491711234567', 'Arabic digits'],
    ['+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹', '+989123456789', 'Persian digits'],
    ['+९१ ९८७६५ ४३२१०', '+919876543210', 'Devanagari digits'],
    ['\u00a0+49\u00a0171\u202f1234567', '+491711234567', 'spaces that do not break'],
    ['+123456789012345', '+123456789012345', 'the longest'],
  ],
  refused: [
    ['+00000000', 'no country code begins with 0'],
    ['+049 171 1234567', 'no country code begins with 0'],
    ['0171 1234567', 'of which country?'],
    ['+49 171 1234567 ext. 5', 'an extension is no part of E.164'],
    ['+1234567', 'too short'],
    ['+1234567890123456', 'too long'],
    ['+49 171 12345a7', 'a letter'],
    ['++491711234567', 'two signs'],
    ['+', 'nothing but the sign'],
    ['', 'nothing'],
  ],
};

export const urls: typeof lines = {
  accepted: [
    ['https://example.com', 'https://example.com', 'nothing but a host'],
    [
      'https://example.com:8443/a.png?size=2&x=%20#top',
      'https://example.com:8443/a.png?size=2&x=%20#top',
      'all parts',
    ],
    ['https://[2001:db8::1]/a', 'https://[2001:db8::1]/a', 'an address of IPv6'],
    ['HTTPS://Example.com/A', 'HTTPS://Example.com/A', 'upper case'],
    [
      'https://xn--mnchen-3ya.de/%C3%BC.png',
      'https://xn--mnchen-3ya.de/%C3%BC.png',
      'other scripts, encoded',
    ],
    [
      " https://example.com/a(1)'s;v=1,2.png ",
      "https://example.com/a(1)'s;v=1,2.png",
      'marks that are allowed, and spaces',
    ],
  ],
  refused: [
    ['http://example.com/a.png', 'not encrypted'],
    ['https://', 'no host'],
    ['https:///a.png', 'no host'],
    ['https:example.com', 'no host, which URL would take'],
    ['https://user:secret@example.com/', 'credentials'],
    ['https://example.com/a b.png', 'a space'],
    ['https://example.com/ü.png', 'a character that has to be encoded'],
    ['https://example.com/100%', 'a percent sign that encodes nothing'],
    ['https://example.com/a#b#c', 'two fragments'],
    ['https://example.com/{id}', 'a template'],
    ['https://example.com\\a', 'a backslash, which browsers take for a slash'],
    ['https://example.com/[a]', 'brackets outside of an address'],
    ['javascript:alert(1)', 'a program'],
    ['//example.com/a.png', 'relative to whatever page shows it'],
  ],
};
