/**
 * What people type that programs often refuse, or take and should not. One list for every layer: the rules of the domain,
 * both databases, both runtimes. Each entry says why it is here, and where somebody reported it about another program.
 */

export type Accepted = readonly [input: string, stored: string, why: string];
export type Refused = readonly [input: string, why: string];

/** What no text may have. */
const hidden: readonly Refused[] = [
  ['Ann\u0000', 'NUL (filipedeschamps/tabnews.com.br#731)'],
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
    ['Medien & Kommunikation', 'Medien & Kommunikation', 'an ampersand stays one (nextcloud/contacts#3948)'],
    ['<O"Neil> &amp; Co.', '<O"Neil> &amp; Co.', 'nothing is escaped, nor unescaped (opencfp/opencfp#444)'],
    ['🅱️ig 🅱️ois', '🅱️ig 🅱️ois', 'emoji of four bytes (autolab/Autolab#1061)'],
    ['😊🌟🚀', '😊🌟🚀', 'nothing but emoji (Expensify/App#68023)'],
    ['李', '李', 'a name of one character (monicahq/monica#1563)'],
  ],
  refused: [
    ['\u3164', 'a filler that nobody sees'],
    ['\u2800', 'an empty pattern of braille'],
    ['\u00ad', 'a soft hyphen alone'],
    ['\u200d\u200c', 'joiners alone'],
    ['\ufe0f', 'a variation selector alone'],
    [' \u00a0\u3000', 'spaces alone (InvictusInnovations/keyhotee#376)'],
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
    ['\u200e+79022222222', '+79022222222', 'a mark of direction before it (contao/core#8434)'],
    [
      'tel:+33-1-23-45-67-89',
      '+33123456789',
      'a URI, as vCard 4 has (nextcloud/contacts#4357, zxing/zxing#863)',
    ],
    [' TEL:+1 555 12345', '+155512345', 'the same in upper case (bitfireAT/synctools#178)'],
    ['+387 61 899 941', '+38761899941', 'no zero of home is asked for (floere/phony#284)'],
  ],
  refused: [
    ['+00000000', 'no country code begins with 0 (codeforamerica/intake#1103)'],
    ['+049 171 1234567', 'no country code begins with 0'],
    ['0171 1234567', 'of which country?'],
    ['+49 171 1234567 ext. 5', 'an extension is no part of E.164'],
    ['+1234567', 'too short'],
    ['+1234567890123456', 'too long'],
    ['+49 171 12345a7', 'a letter'],
    ['++491711234567', 'two signs'],
    ['+', 'nothing but the sign'],
    ['+48', 'nothing but the code of a country (alltheplaces/alltheplaces#10979)'],
    ['4.47900E+11', 'what a spreadsheet made of a number (alphagov/notifications-admin#4124)'],
    ['+4.47900E+11', 'the same with a sign (dilshod/xlsx2csv#190)'],
    ['+3123456789abc', 'letters behind it (svsticky/constipated-koala#679)'],
    ['tel:+1-201-555-0123;ext=5', 'a URI with an extension (RFC 3966)'],
    ['tel:7042;phone-context=example.com', 'a URI of a number at home somewhere (RFC 3966)'],
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

/** Addresses of accounts, which are ASCII. */
export const emails: typeof lines = {
  accepted: [
    ['BOB@Gmail.COM', 'bob@gmail.com', 'one address in any case (hypothesis/h#4443, IQSS/dataverse#2888)'],
    [' foo@example.com ', 'foo@example.com', 'spaces (openstreetmap/openstreetmap-website#2173)'],
    ['aaa..bbbb.cc@docomo.ne.jp', 'aaa..bbbb.cc@docomo.ne.jp', 'dots in a row (exceedone/exment#800)'],
    ['xxx.yyy.@docomo.ne.jp', 'xxx.yyy.@docomo.ne.jp', 'a dot before the @ (KumoCorp/kumomta#77)'],
    ["O'Connell@example.com", "o'connell@example.com", 'an apostrophe (dotCMS/core#13202)'],
    ['ann+list@example.com', 'ann+list@example.com', 'a plus (chatwoot/chatwoot#4089)'],
    [
      'john@example.company',
      'john@example.company',
      'a long top-level domain (ReactiveRaven/jqBootstrapValidation#201)',
    ],
    ['root@localhost', 'root@localhost', 'no dot in the domain (digitallyinduced/ihp#362)'],
    // The letter that a mail server is asked for is the one that is stored and compared.
    [
      'quac\u212a@example.com',
      'quack@example.com',
      'the sign of Kelvin, which is a k in NFC (mozilla/fxa#4643)',
    ],
    ['ｂｏｂ＠example．com', 'bob@example.com', 'full width'],
  ],
  refused: [
    ['john@g\u0131thub.com', 'a dotless i, which upper case makes an I (heartcombo/devise#5171)'],
    ['\u200fbuyer@example.com', 'a mark of direction (antiwork/gumroad#6522)'],
    ['bu\u00adyer@example.com', 'a soft hyphen (antiwork/gumroad#6522)'],
    ['xxx@xxx......com', 'dots in a row in the domain (ReactiveRaven/jqBootstrapValidation#201)'],
    ['mailto:bob@example.com', 'a URI'],
    ['Bob <bob@example.com>', 'a name with it'],
    ['bob@example.com, eve@example.com', 'two'],
    ['bob@-example.com', 'a hyphen at the beginning of the domain'],
    ['@example.com', 'nobody'],
    ['', 'nothing'],
  ],
};

/** Days of birth. */
export const birthdays: typeof lines = {
  accepted: [
    ['1992-07-04', '1992-07-04', 'the day that was typed, in every time zone (humhub/humhub#1458)'],
    ['--02-14', '--02-14', 'a year that nobody knows (monicahq/monica#2536)'],
    ['--0414', '--04-14', 'the same as vCard writes it (mangstadt/ez-vcard#155, monicahq/monica#6079)'],
    ['19930102', '1993-01-02', 'without hyphens, as vCard 4 has it (SimpleMobileTools/Simple-Contacts#312)'],
    ['2000-02-29', '2000-02-29', 'a leap day (nextcloud/server#19218)'],
    ['--02-29', '--02-29', 'a leap day of an unknown year'],
    ['1900-02-28', '1900-02-28', 'long before the year 1970'],
    ['0001-01-01', '0001-01-01', 'the first day that there is'],
    ['9999-12-31', '9999-12-31', 'the last'],
  ],
  refused: [
    ['', 'nothing is not today (owncloud-archive/contacts#1043)'],
    ['1900-02-29', 'no leap year, though it can be divided by four'],
    ['--02-30', 'no day of any year'],
    ['2026-02-30', 'no day'],
    ['0000-01-01', 'no year'],
    ['1993-0102', 'half of each form'],
    ['-0414', 'one hyphen'],
    ['04/07/1992', 'July or April?'],
    ['1992-07-04T00:00:00Z', 'a time, which is another day elsewhere (owncloud-archive/apps#1942)'],
    ['NaN-NaN-NaN', 'what a program made of one (joshuatz/linkedin-to-jsonresume#32)'],
  ],
};

/** New passwords, as they are hashed. */
export const passwords: typeof lines = {
  accepted: [
    [' kelp orbit vexing', ' kelp orbit vexing', 'a space before it (parallaxinc/BlocklyProp#1583)'],
    ['kelp orbit vexing ', 'kelp orbit vexing ', 'a space behind it (wso2/product-is#4689)'],
    ['kelp  orbit  vexing', 'kelp  orbit  vexing', 'two spaces (mysociety/fixmystreet#2111)'],
    ['ku\u0308hle Orbit Vexing', 'kühle Orbit Vexing', 'one umlaut in every form (ulsklyc/yuvomi#608)'],
    ['ｋｅｌｐ orbit vexing', 'kelp orbit vexing', 'full width (inmanta/inmanta-core#10538)'],
    [
      'これはそれぞれが複数のバイト',
      'これはそれぞれが複数のバイト',
      'of three bytes a character (php/doc-en#1328)',
    ],
    ['𝄞🛰🪐🧬🧿🦑🪁🛶', '𝄞🛰🪐🧬🧿🦑🪁🛶', 'emoji'],
  ],
  refused: [
    ['🛰🪐', 'characters are counted, and not bytes (photoprism/photoprism#3482)'],
    ['a'.repeat(4000), 'so long that it would take minutes to judge (nulab/zxcvbn4j#67)'],
    ['kelp orbit\u0000vexing', 'NUL, behind which some functions see nothing (pipeshub-ai/pipeshub-ai#3264)'],
    ['kelp orbit vexing\n', 'a pasted end of a line'],
    ['kelp orbit \ud800vexing', 'a lone surrogate'],
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
