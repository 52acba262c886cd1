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

/** Addresses of contacts, whose domain may be in any script. */
export const contactEmails: typeof lines = {
  accepted: [
    ['Ann@Example.com', 'ann@example.com', 'in ASCII it is as an address of an account'],
    ['user@münchen.de', 'user@münchen.de', 'an umlaut'],
    [' User@MÜNCHEN.de ', 'User@MÜNCHEN.de', 'as it was typed, without the spaces around it'],
    ['user@mu\u0308nchen.de', 'user@münchen.de', 'an umlaut of two characters becomes one (NFC)'],
    ['user@xn--mnchen-3ya.de', 'user@xn--mnchen-3ya.de', 'the ASCII form stays one'],
    ['info@mail.bücher.example', 'info@mail.bücher.example', 'beside other labels'],
    ['user@faß.de', 'user@faß.de', 'an eszett, which older rules made ss of'],
    ['user@例え.テスト', 'user@例え.テスト', 'Japanese'],
    ['user＠例え．jp', 'user@例え.jp', 'marks of full width, as that keyboard writes them'],
    ['user@中国.中国', 'user@中国.中国', 'Chinese'],
    ['user@한국.한국', 'user@한국.한국', 'Korean'],
    ['user@пример.рф', 'user@пример.рф', 'Cyrillic'],
    ['user@παράδειγμα.ελ', 'user@παράδειγμα.ελ', 'Greek'],
    ['user@उदाहरण.भारत', 'user@उदाहरण.भारत', 'Devanagari, with marks'],
    ['user@ตัวอย่าง.ไทย', 'user@ตัวอย่าง.ไทย', 'Thai'],
    ['user@مثال.السعودية', 'user@مثال.السعودية', 'Arabic, from the right'],
    ['user@דוגמה.co.il', 'user@דוגמה.co.il', 'Hebrew beside ASCII'],
    ['user@דוגמה2.קום', 'user@דוגמה2.קום', 'a digit in Hebrew'],
    [
      `user@${'ü'.repeat(57)}.de`,
      `user@${'ü'.repeat(57)}.de`,
      'the longest label, of 63 characters in ASCII',
    ],
  ],
  refused: [
    ['jürgen@münchen.de', 'another script before the @ needs RFC 6531 all the way'],
    ['jürgen@example.com', 'the same, with a domain in ASCII'],
    ['"a b"@münchen.de', 'quotes'],
    ['user@münchen.de@münchen.de', 'two @'],
    ['@münchen.de', 'nobody'],
    ['user@', 'no domain'],
    ['user@ü..de', 'an empty label'],
    ['user@münchen.de.', 'a dot at the end'],
    ['user@-ü.de', 'a hyphen at the beginning'],
    ['user@mün chen.de', 'a space'],
    ['user@mün\u200bchen.de', 'a zero width space'],
    ['user@mün\u00adchen.de', 'a soft hyphen, which parsers take away'],
    ['user@نامه\u200cای.ir', 'a joiner, on which parsers do not agree'],
    ['user@例え。jp', 'a dot that is none in ASCII'],
    ['user@münchen.de/x', 'what a URL would take for a path'],
    ['user@münchen.de:25', 'a port'],
    ['user:x@münchen.de', 'credentials of a URL'],
    ['user@mün%63hen.de', 'an escape of URLs'],
    ['user@[münchen.de]', 'brackets'],
    ['user@xn--a.münchen.de', 'one label encoded and another not'],
    ['user@☃.net', 'a symbol'],
    ['user@👩‍💻.example', 'an emoji'],
    ['user@\u0301a.de', 'a mark at the beginning'],
    ['user@דוגמהa.קום', 'two directions in one label'],
    ['user@1a.קום', 'a label that begins with a digit beside one from the right'],
    ['user@\u0870.com', 'a letter that came with Unicode 14, which not every parser knows'],
    ['user@\u{10eed}.com', 'not assigned in Unicode 17'],
    [`user@${'ü'.repeat(58)}.de`, 'a label of 64 characters in ASCII'],
    [`user@${`${'ü'.repeat(40)}.`.repeat(6)}de`, 'more than 254 characters in ASCII, though fewer as typed'],
    ['user@mün\ud800chen.de', 'a lone surrogate'],
    ['', 'nothing'],
  ],
};
