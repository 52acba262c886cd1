import { isIP } from 'node:net';
import { z } from 'zod';
import { Secret } from '../domain/secret.ts';
import type { Parsed } from '../domain/text.ts';

/**
 * A form that an environment variable can have. Its one message says what is expected; zod's own messages are not shown,
 * because some of them repeat the value.
 */
export type Variable<T> = z.ZodType<T, string>;

export const text = (expected: string, isRight: (value: string) => boolean): Variable<string> =>
  z.string().refine(isRight, expected);

/** A form that a parse function of the domain or of an adapter decides. */
export const parsed = <T>(parse: (input: string) => Parsed<T>): Variable<T> =>
  z.string().transform((value, context) => {
    const outcome = parse(value);
    if (outcome.ok) return outcome.value;
    context.addIssue(outcome.error.detail);
    return z.NEVER;
  });

export const secret = <Kind extends string>(
  expected: string,
  isRight: (value: string) => boolean = () => true,
): Variable<Secret<Kind>> => text(expected, isRight).transform((value) => new Secret<Kind>(value));

/** Several with commas between them, each of which has to be right. */
export const list = (expected: string, isRight: (item: string) => boolean): Variable<readonly string[]> =>
  z
    .string()
    .transform(split)
    .refine((items) => items.every(isRight), expected);

export const secrets = <Kind extends string>(
  expected: string,
  isRight: (item: string) => boolean,
): Variable<readonly Secret<Kind>[]> =>
  list(expected, isRight).transform((items) => items.map((item) => new Secret<Kind>(item)));

const split = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

export const whole = (minimum: number, maximum: number, what: string): Variable<number> =>
  number(/^\d{1,9}$/, minimum, maximum, `a whole number of ${what} from ${minimum} to ${maximum}`);

export const port: Variable<number> = number(
  /^\d{1,5}$/,
  0,
  65_535,
  'a port up to 65535 (0 takes a free one)',
);

/** A variable in seconds, as milliseconds, which the code uses. */
export const secondsAsMs = (minimum: number, maximum: number): Variable<number> =>
  number(/^\d{1,9}(?:\.\d{1,6})?$/, minimum, maximum, `seconds from ${minimum} to ${maximum}`).transform(
    (value) => Math.round(value * 1000),
  );

/** A part of a whole. */
export const share: Variable<number> = number(/^\d(?:\.\d{1,9})?$/, 0, 1, 'a share from 0 to 1, like 0.001');

function number(pattern: RegExp, minimum: number, maximum: number, expected: string): Variable<number> {
  return z
    .string()
    .regex(pattern, { error: expected, abort: true })
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, expected);
}

export const isHost = (value: string): boolean => /^[\w.:%-]{1,255}$/.test(value);

/** An address, or a range of them in CIDR notation. */
export const isAddressRange = (item: string): boolean => {
  const [, address = '', prefix = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(item) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128);
};

/** A path without a slash at the end, in characters that need no encoding. */
export const isBasePath = (value: string): boolean =>
  /^(?:\/[\w.~-]+)+$/.test(value) && !/\/\.{1,2}(?:\/|$)/.test(value) && value.length <= 200;

/**
 * Scheme, host and port and nothing more, as browsers send it (RFC 6454); also of apps that are pages of a scheme of their
 * own, whose origin `URL` calls `null`. A star would be sent by nobody and so match nothing.
 */
export const isOrigin = (item: string): boolean => {
  const url = URL.parse(item);
  if (url === null || item.includes('*') || /^(file|ftp|wss?|data|blob|javascript):/.test(item)) return false;
  return /^https?:/.test(item)
    ? url.origin === item
    : item === `${url.protocol}//${url.host}` && url.host !== '';
};
