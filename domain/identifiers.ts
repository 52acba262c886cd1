import { digitsOf } from './code-points.ts';
import { ok } from './result.ts';
import { canonicalIdentifier, invalid, type Parsed, parseWellFormed } from './text.ts';

declare const brand: unique symbol;
/** A `T` that was made by its parse function. The compiler refuses one brand where another is expected. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A UUID in lower case: a UUIDv7, unless somebody else made the row. */
export type UserId = Brand<string, 'UserId'>;
/** A UUID in lower case: a UUIDv7, unless somebody else made the row. */
export type ContactId = Brand<string, 'ContactId'>;
/** In lower case, ASCII. */
export type Email = Brand<string, 'Email'>;
/** In lower case: 3-32 of `a-z`, `0-9`, `_`, `.`, `-`. */
export type Username = Brand<string, 'Username'>;
/** E.164: `+` and 8-15 digits. */
export type Phone = Brand<string, 'Phone'>;

/** The keys by which one user can be found. */
export type UserKey =
  | { readonly kind: 'id'; readonly value: UserId }
  | { readonly kind: 'email'; readonly value: Email }
  | { readonly kind: 'username'; readonly value: Username }
  | { readonly kind: 'phone'; readonly value: Phone };

/** A key that a user may change. A cached one is only a hint whose it is, which is checked each time it is used. */
export type UserAlias = Exclude<UserKey, { readonly kind: 'id' }>;

export const emailLimits = { minCodePoints: 3, maxCodePoints: 254 };
export const usernameLimits = { minCodePoints: 3, maxCodePoints: 32 };

// Whatever PostgreSQL takes for one: rows are also made by others, by md5 for example.
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// The address grammar of the HTML standard, which is narrower than RFC 5322 on purpose. ASCII only: a look-alike in
// another script is another address and is refused here.
const email =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const username = /^[a-z0-9][a-z0-9_.-]*$/;
// E.164: no country code begins with 0.
const phone = /^\+[1-9][0-9]{7,14}$/;

/** What an identifier looks like as it is stored, in expressions that mean the same in JavaScript and in PostgreSQL. */
export const identifierForms: Readonly<Record<UserAlias['kind'], RegExp>> = { email, username, phone };

// Names that others would take for the operator's (those of RFC 2142 among them), or that could be mistaken for a path of
// the API or a file that robots and browsers ask for at the root.
const reserved: ReadonlySet<string> = new Set(
  `about abuse account accounts admin administrator all anonymous api app apple-app-site-association assets auth billing
   blog by-username cache cdn config contact contacts crossdomain.xml daemon daemons docs everyone explain
   favicon.ico ftp guest health help hostmaster imap index index.html info invalidate kith list list-request live
   localhost log-in login log-out logout lookup mail mailer-daemon manifest.json marketing me metrics moderator news
   no-reply nobody noc noreply null official openapi openapi.json operations operator ops owner password pop pop3
   postmaster privacy problems profile ready register robots.txt root sales security security.txt self session sessions
   settings signup sitemap.xml smtp staff static status superuser support sysadmin system team terms test undefined
   usenet user users uucp webmaster well-known www`.split(/\s+/),
);

/** Of names that differ in dots, dashes and underscores at the end alone, people see one: `admin.`, `support_`. */
const isReserved = (name: string): boolean => reserved.has(name) || reserved.has(name.replace(/[._-]+$/, ''));

const parseId = <T extends UserId | ContactId>(input: unknown): Parsed<T> => {
  if (input === undefined) return invalid('required', 'a value is expected');
  if (typeof input !== 'string') return invalid('invalid-type', 'a string is expected');
  const text = input.length === 36 ? input.toLowerCase() : input;
  return uuid.test(text) ? ok(text as T) : invalid('invalid-format', 'a UUID is expected');
};

/** A UUID in upper or lower case as an id. Whether there is such a user is not checked. */
export const parseUserId = (input: unknown): Parsed<UserId> => parseId<UserId>(input);

export const parseContactId = (input: unknown): Parsed<ContactId> => parseId<ContactId>(input);

/** An address as it is stored and looked up: of usual width, in lower case, trimmed, ASCII. */
export const parseEmail = (input: unknown): Parsed<Email> => {
  const text = canonicalIdentifier(input, emailLimits.maxCodePoints);
  if (!text.ok) return text;
  if (text.value.length > emailLimits.maxCodePoints) {
    return invalid('too-long', `at most ${emailLimits.maxCodePoints} characters are expected`);
  }
  return email.test(text.value)
    ? ok(text.value as Email)
    : invalid('invalid-format', 'an email address in ASCII is expected, like name@example.com');
};

/** A username that somebody may take. To look one up use `parseUsernameKey`: nobody has a reserved name. */
export const parseUsername = (input: unknown): Parsed<Username> => {
  const name = parseUsernameKey(input);
  return name.ok && isReserved(name.value) ? invalid('reserved', 'this username is reserved') : name;
};

/** A username as it is stored and looked up: of usual width, in lower case, trimmed. */
export const parseUsernameKey = (input: unknown): Parsed<Username> => {
  const text = canonicalIdentifier(input, usernameLimits.maxCodePoints);
  if (!text.ok) return text;
  const { minCodePoints, maxCodePoints } = usernameLimits;
  if (text.value.length < minCodePoints) {
    return invalid('too-short', `at least ${minCodePoints} characters are expected`);
  }
  if (text.value.length > maxCodePoints) {
    return invalid('too-long', `at most ${maxCodePoints} characters are expected`);
  }
  return username.test(text.value)
    ? ok(text.value as Username)
    : invalid('invalid-format', 'a-z, 0-9, _ . - are expected, a letter or digit first');
};

/** A number as it is stored and looked up: `+` and digits, whatever stood between them. */
export const parsePhone = (input: unknown): Parsed<Phone> => {
  const text = parseWellFormed(input, 'NFC', maxPhoneCodePoints);
  if (!text.ok) return text;
  const digits = phoneText(text.value) ?? '';
  return phone.test(digits)
    ? ok(digits as Phone)
    : invalid('invalid-format', 'a phone number as + and 8-15 digits (E.164) is expected');
};

/** A number and what people put around it. */
const maxPhoneCodePoints = 64;

/**
 * A number as people write it, as `+` and digits or as digits alone; `undefined` if there is something else in it. A zero in
 * brackets behind the country code is what is dialled at home, `+44 (0)20`, and goes. One without brackets belongs to the
 * number, as in Italy. What says that it is a number, in a URI (RFC 3966), is none of it.
 */
export const phoneText = (text: string): string | undefined =>
  digitsOf(text.replace(/^\s*tel:/i, ''))
    ?.replace(/^(\(?\+[1-9][0-9]{0,2}\)?)\(0\)/, '$1')
    .replace(/[()]/g, '');

/** What a person types to log in: an email has an `@`, a phone starts with `+`, the rest is a username. */
export const parseIdentifier = (input: unknown): Parsed<UserAlias> => {
  const text = canonicalIdentifier(input, emailLimits.maxCodePoints);
  if (!text.ok) return text;
  const number = phoneText(text.value);
  if (number?.startsWith('+')) return keyed('phone', parsePhone(number));
  if (text.value.includes('@')) return keyed('email', parseEmail(text.value));
  return keyed('username', parseUsernameKey(text.value));
};

const keyed = <K extends UserAlias['kind'], V>(kind: K, value: Parsed<V>): Parsed<{ kind: K; value: V }> =>
  value.ok ? ok({ kind, value: value.value }) : value;
