import { type Range, textTables } from './code-points.ts';

/**
 * How a text is compared in a search: in lower case, without accents, of usual width, with one space for any white space.
 * By tables of our own, of Unicode 17.0, for the runtimes differ in theirs, and so do databases by their locale; what
 * PostgreSQL keeps for each contact is made from these very tables (adapters/mikro-orm/folding.ts). They were made by Node
 * 24 from toUpperCase, toLowerCase and NFD, for every code point: case folding (also of ß and ligatures), and what is
 * left where nothing but accents comes off. Scripts whose marks are vowels or consonants keep them.
 */
export const foldText = (text: string): string => {
  let folded = '';
  for (const character of text) folded += folding.get(character) ?? character;
  return folded.replace(/ +/g, ' ').replace(/^ | $/g, '');
};

/** Accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic. */
const accents: readonly Range[] = [
  [0x300, 0x36f],
  [0x483, 0x487],
  [0x591, 0x5bd],
  [0x5bf, 0x5bf],
  [0x5c1, 0x5c2],
  [0x5c4, 0x5c5],
  [0x5c7, 0x5c7],
  [0x610, 0x61a],
  [0x64b, 0x65f],
  [0x670, 0x670],
  [0x6d6, 0x6dc],
  [0x6df, 0x6e4],
  [0x6e7, 0x6e8],
  [0x6ea, 0x6ed],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x20d0, 0x20f0],
  [0xfe20, 0xfe2f],
];

/** What falls away, and what becomes a space. */
export const foldedAway: readonly Range[] = [...accents, ...textTables.invisible];
export const foldedToSpace: readonly Range[] = textTables.spaces;

// In hexadecimal. `41*26>61`: from U+0041 on, 26 code points become as many from U+0061 on. `139*6/2/1`: every second one
// becomes the next one; `c0*6/1/0>61`: each becomes U+0061.
const oneToOne = `
  41*26>61 b5>3bc c0*6/1/0>61 c7*2/2/2>63 c8*2/2/0>65 cb>65 cc*4/1/0>69 d0>64 d1*2>6e d3*4/1/0>6f d8>6f
  d9*4/1/0>75 dd>79 e0*6/1/0>61 e7*2/2/2>63 e8*2/2/0>65 eb>65 ec*4/1/0>69 f0>64 f1*2>6e f3*4/1/0>6f f8>6f
  f9*4/1/0>75 fd*2/2/0>79 100*6/1/0>61 106*8/1/0>63 10e*4/1/0>64 112*10/1/0>65 11c*8/1/0>67 124*4/1/0>68
  128*10/1/0>69 134*2/1/0>6a 136*3/1/0>6b 139*6/1/0>6c 13f>140 141*2/1/0>6c 143*6/1/0>6e 14a>14b 14c*6/1/0>6f
  154*6/1/0>72 15a*8/1/0>73 162*6/1/0>74 168*12/1/0>75 174*2/1/0>77 176*3/1/0>79 179*6/1/0>7a 17f>73 181>253
  182*2/2/2>183 186>254 187>188 189*2>256 18b>18c 18e>1dd 18f*2/1/2>259 191>192 193>260 194>263 196>269 197>268
  198>199 19c>26f 19d>272 19f>275 1a0*2/1/0>6f 1a2*2/2/2>1a3 1a6>280 1a7>1a8 1a9>283 1ac>1ad 1ae>288 1af*2/1/0>75
  1b1*2>28a 1b3*2/2/2>1b4 1b7>292 1b8>1b9 1bc>1bd 1cd*2/1/0>61 1cf*2/1/0>69 1d1*2/1/0>6f 1d3*10/1/0>75
  1de*4/1/0>61 1e4>1e5 1e6*2/1/0>67 1e8*2/1/0>6b 1ea*4/1/0>6f 1ee*2/1/0>292 1f0>6a 1f4*2/1/0>67 1f6>195 1f7>1bf
  1f8*2/1/0>6e 1fa*2/1/0>61 1fe*2/1/0>6f 200*4/1/0>61 204*4/1/0>65 208*4/1/0>69 20c*4/1/0>6f 210*4/1/0>72
  214*4/1/0>75 218*2/1/0>73 21a*2/1/0>74 21c>21d 21e*2/1/0>68 220>19e 222*2/2/2>223 226*2/1/0>61 228*2/1/0>65
  22a*8/1/0>6f 232*2/1/0>79 23a>2c65 23b>23c 23d>19a 23e>2c66 241>242 243>180 244>289 245>28c 246*5/2/2>247 2bc>27
  370*2/2/2>371 376>377 37f>3f3 385>a8 386>3b1 388*3/1/2>3b5 38c>3bf 38e>3c5 38f>3c9 390>3b9 391*17>3b1 3a3*7>3c3
  3aa>3b9 3ab>3c5 3ac>3b1 3ad*3/1/2>3b5 3b0>3c5 3c2>3c3 3ca>3b9 3cb*2/2/0>3c5 3cc>3bf 3ce>3c9 3cf>3d7 3d0>3b2
  3d1>3b8 3d3*2/1/0>3d2 3d5>3c6 3d6>3c0 3d8*12/2/2>3d9 3f0>3ba 3f1>3c1 3f4>3b8 3f5>3b5 3f7>3f8 3f9>3f2 3fa>3fb
  3fd*3>37b 400*2/1/0>435 402*5/2/2>452 403>433 405*2/2/1>455 409*2/2/2>459 40c>43a 40d>438 40e>443 40f>45f
  410*16/2/2>430 411*4/2/2>431 419>438 41b*11/2/2>43b 439>438 450*2/1/0>435 453>433 457>456 45c>43a 45d>438
  45e>443 460*11/2/2>461 476*2/1/0>475 478*5/2/2>479 48a*27/2/2>48b 4c0>4cf 4c1*2/1/0>436 4c3*6/2/2>4c4
  4d0*4/1/0>430 4d4>4d5 4d6*2/1/0>435 4d8*2/2/0>4d9 4db>4d9 4dc*2/1/0>436 4de*2/1/0>437 4e0>4e1 4e2*4/1/0>438
  4e6*2/1/0>43e 4e8*2/2/0>4e9 4eb>4e9 4ec*2/1/0>44d 4ee*6/1/0>443 4f4*2/1/0>447 4f6>4f7 4f8*2/1/0>44b
  4fa*27/2/2>4fb 531*38>561 622*2/1/0>627 624*2/2/2>648 625>627 6c0>6d5 6c2>6c1 6d3>6d2 10a0*38>2d00 10c7>2d27
  10cd>2d2d 13a0*80>ab70 13f0*6>13f8 1c80*2/1/2>432 1c82>43e 1c83*2>441 1c85>442 1c86>44a 1c87>463 1c88>a64b
  1c89>1c8a 1c90*43>10d0 1cbd*3>10fd 1e00*2/1/0>61 1e02*6/1/0>62 1e08*2/1/0>63 1e0a*10/1/0>64 1e14*10/1/0>65
  1e1e*3/2/1>66 1e1f*3/2/1>66 1e24*8/1/0>68 1e2c*4/1/0>69 1e30*6/1/0>6b 1e36*8/1/0>6c 1e3e*6/1/0>6d 1e44*8/1/0>6e
  1e4c*8/1/0>6f 1e54*4/1/0>70 1e58*8/1/0>72 1e60*10/1/0>73 1e6a*8/1/0>74 1e72*10/1/0>75 1e7c*4/1/0>76
  1e80*10/1/0>77 1e8a*4/1/0>78 1e8e*2/1/0>79 1e90*6/1/0>7a 1e96>68 1e97>74 1e98*2/1/2>77 1e9b>73 1ea0*24/1/0>61
  1eb8*16/1/0>65 1ec8*4/1/0>69 1ecc*24/1/0>6f 1ee4*14/1/0>75 1ef2*8/1/0>79 1efa*3/2/2>1efb 1f00*16/1/0>3b1
  1f10*6/1/0>3b5 1f18*6/1/0>3b5 1f20*16/1/0>3b7 1f30*16/1/0>3b9 1f40*6/1/0>3bf 1f48*6/1/0>3bf 1f50*8/1/0>3c5
  1f59*4/2/0>3c5 1f60*16/1/0>3c9 1f70*2/1/0>3b1 1f72*3/2/2>3b5 1f73*3/2/2>3b5 1f78*2/1/0>3bf 1f7a*2/1/0>3c5
  1f7c*2/1/0>3c9 1f80*16/1/0>3b1 1f90*16/1/0>3b7 1fa0*16/1/0>3c9 1fb0*7/2/0>3b1 1fb1*2/2/0>3b1 1fb7*3/2/0>3b1
  1fc1>a8 1fc2*3/1/0>3b7 1fc6*2/1/0>3b7 1fc8*2/1/0>3b5 1fca*3/1/0>3b7 1fcd*3/1/0>1fbf 1fd0*4/1/0>3b9
  1fd6*6/1/0>3b9 1fdd*3/1/0>1ffe 1fe0*4/1/0>3c5 1fe4*2/1/0>3c1 1fe6*6/1/0>3c5 1fec>3c1 1fed*2/1/0>a8
  1ff2*3/1/0>3c9 1ff6*2/1/0>3c9 1ff8*2/1/0>3bf 1ffa*3/1/0>3c9 2010*6/1/0>2d 2018*2/1/0>27 2032>27 2126>3c9 212a>6b
  212b>61 2132>214e 2160*16>2170 2183>2184 219a*2/1/2>2190 21ae>2194 21cd*2/2/2>21d0 21ce>21d4 2204>2203 2209>2208
  220c>220b 2212>2d 2224*2/2/2>2223 2241>223c 2244>2243 2247>2245 2249>2248 2260>3d 2262>2261 226d>224d
  226e*2/1/2>3c 2270*2>2264 2274*2>2272 2278*2>2276 2280*2>227a 2284*2>2282 2288*2>2286 22ac>22a2 22ad*2>22a8
  22af>22ab 22e0*2>227c 22e2*2>2291 22ea*4>22b2 24b6*26>24d0 2adc>2add 2c00*48>2c30 2c60>2c61 2c62>26b 2c63>1d7d
  2c64>27d 2c67*3/2/2>2c68 2c6d>251 2c6e>271 2c6f*2/1/2>250 2c72>2c73 2c75>2c76 2c7e*2>23f 2c80*50/2/2>2c81
  2ceb*2/2/2>2cec 2cf2>2cf3 a640*23/2/2>a641 a680*14/2/2>a681 a722*7/2/2>a723 a732*31/2/2>a733 a779*2/2/2>a77a
  a77d>1d79 a77e*5/2/2>a77f a78b>a78c a78d>265 a790*2/2/2>a791 a796*10/2/2>a797 a7aa>266 a7ab>25c a7ac>261
  a7ad>26c a7ae>26a a7b0>29e a7b1>287 a7b2>29d a7b3>ab53 a7b4*8/2/2>a7b5 a7c4>a794 a7c5>282 a7c6>1d8e
  a7c7*2/2/2>a7c8 a7cb>264 a7cc*8/2/2>a7cd a7dc>19b a7f5>a7f6 fb1d>5d9 fb1f>5f2 fb2a*4/1/0>5e9 fb2e*3/1/0>5d0
  fb31*6>5d1 fb38*5>5d8 fb3e*2/2/2>5de fb41*2/2/2>5e1 fb44*4/2/2>5e4 fb47*2/2/2>5e7 fb4b>5d5 fb4c>5d1 fb4d>5db
  fb4e>5e4 ff01*32>21 ff21*26>61 ff3b*36>5b 10400*40>10428 104b0*36>104d8 10570*19/2/2>10597 10571*5/2/2>10598
  1057d*7/2/2>105a4 1058d*3/2/2>105b4 10595>105bc 105c9>105d2 105e4>105da 10c80*51>10cc0 10d50*22>10d70
  118a0*32>118c0 16e40*32>16e60 16ea0*25>16ebb 1e900*34>1e922
`;

const oneToSeveral = `
  c6>61+65 de>74+68 df>73+73 e6>61+65 fe>74+68 132>69+6a 133>69+6a 149>27+6e 152>6f+65 153>6f+65 1c4>64+7a
  1c5>64+7a 1c6>64+7a 1c7>6c+6a 1c8>6c+6a 1c9>6c+6a 1ca>6e+6a 1cb>6e+6a 1cc>6e+6a 1e2>61+65 1e3>61+65 1f1>64+7a
  1f2>64+7a 1f3>64+7a 1fc>61+65 1fd>61+65 587>565+582 1e9a>61+2be 1e9e>73+73 fb00>66+66 fb01>66+69 fb02>66+6c
  fb03>66+66+69 fb04>66+66+6c fb05>73+74 fb06>73+74 fb13>574+576 fb14>574+565 fb15>574+56b fb16>57e+576
  fb17>574+56d
`;

const numbersOf = (text: string, separator: string): readonly number[] =>
  text.split(separator).map((each) => Number.parseInt(each, 16));

const runs = function* (): Generator<readonly [from: string, to: string]> {
  for (const run of oneToOne.trim().split(/\s+/)) {
    const [from = '', to = ''] = run.split('>');
    const [first = '', many = '1/1/1'] = from.split('*');
    const [count = 1, step = 1, stepTo = 1] = many.split('/').map(Number);
    const [start, startTo] = [Number.parseInt(first, 16), Number.parseInt(to, 16)];
    for (let n = 0; n < count; n++)
      yield [String.fromCodePoint(start + n * step), String.fromCodePoint(startTo + n * stepTo)];
  }
  for (const run of oneToSeveral.trim().split(/\s+/)) {
    const [from = '', to = ''] = run.split('>');
    yield [String.fromCodePoint(Number.parseInt(from, 16)), String.fromCodePoint(...numbersOf(to, '+'))];
  }
};

/** What becomes of a character that becomes another, or several. */
export const foldedTo: ReadonlyMap<string, string> = new Map(runs());

const everyOf = function* (ranges: readonly Range[], to: string): Generator<readonly [string, string]> {
  for (const [first, last] of ranges)
    for (let code = first; code <= last; code++) yield [String.fromCodePoint(code), to];
};

const folding: ReadonlyMap<string, string> = new Map([
  ...foldedTo,
  ...everyOf(foldedAway, ''),
  ...everyOf(foldedToSpace, ' '),
]);
