import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as english } from '@zxcvbn-ts/language-en';
import { dictionary as spanish } from '@zxcvbn-ts/language-es-es';
import type { PasswordStrength } from '../../domain/ports/security.ts';
import { russian } from './russian.ts';

/** Of 0 to 4: more than 10^10 guesses by whoever knows passwords, words, names, keyboards, dates and repetitions. */
const enough = 4;

/**
 * What is scored, in UTF-16 code units: the work grows with the square of the length and more. With at most two
 * replacements of letters by digits or signs tried per word the costliest 30 units take the time of one or two hashes; with
 * the 100 of the library they took 30 times that.
 */
const scored = 30;
const l33tMaxSubstitutions = 2;

/**
 * The estimate of zxcvbn-ts, in this process: no password, hash or prefix of one is ever sent to anybody. It knows 49,000
 * passwords by frequency in breaches, and English, Spanish and some Russian. Of a longer password its beginning and its end
 * are judged: it cannot be guessed sooner than the better of them.
 */
export class ZxcvbnStrength implements PasswordStrength {
  isGuessable(password: string, known: readonly string[]): boolean {
    // First in upper case, so that what is the same there (`ß` and `ss`, both forms of sigma) is the same here.
    const whole = canonical(password);
    const plain = whole.length <= scored ? whole : withoutRepetition(whole);
    const inputs = known.map(canonical);
    const parts = plain.length <= scored ? [plain] : [plain.slice(0, scored), plain.slice(-scored)];
    return parts.every((part) => scorer().check(part, inputs).score < enough);
  }
}

const canonical = (text: string): string => text.normalize('NFKC').toUpperCase().toLowerCase();

/** Each repetition twice: what was cut off somewhere in one would begin with half a word, which counts as no word. */
const withoutRepetition = (text: string): string => text.replace(/(.+?)\1{2,}/gsu, '$1$1');

/** One for the process, made when it is first needed: it takes 60 MB and half a second. */
let shared: ZxcvbnFactory | undefined;

const scorer = (): ZxcvbnFactory => {
  shared ??= new ZxcvbnFactory({
    dictionary: { ...common, ...english, ...spanish, russian: [...russian] },
    graphs: adjacencyGraphs,
    maxLength: scored,
    l33tMaxSubstitutions,
  });
  return shared;
};
