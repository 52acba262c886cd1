import { type ContactEmail, parseContactEmail } from './contact-email.ts';
import { type ContactPosition, parseCursor } from './cursor.ts';
import { foldText } from './folding.ts';
import type { ContactId, Phone, UserId } from './identifiers.ts';
import { parsePhone, phoneText } from './identifiers.ts';
import type { Issue } from './issue.ts';
import { fail, ok, type Result } from './result.ts';
import { collect, invalid, nullable, optional, type Parsed, parseLine, type Unparsed } from './text.ts';
import { definedOnly, nextVersion, parseLongText, parseName } from './user.ts';

/** A person or a company in the address book of one user: at least one of its names is there. It holds its owner, so that a cached value can be checked with its key. */
export type Contact = {
  readonly id: ContactId;
  readonly ownerId: UserId;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly organization: string | null;
  readonly email: ContactEmail | null;
  readonly phone: Phone | null;
  /** A plain date, `YYYY-MM-DD`, or `--MM-DD` if nobody knows the year (RFC 6350, section 4.3.1). */
  readonly birthday: string | null;
  readonly notes: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly version: number;
};

/** `total` counts the whole list (or every match of a search), not the page. Newest first. */
export type ContactPage = {
  readonly ownerId: UserId;
  readonly items: readonly Contact[];
  readonly total: number;
  /** How many contacts are before the page; `null` for one that begins behind a position: nobody has counted them. */
  readonly skip: number | null;
  readonly after: ContactPosition | null;
  readonly limit: number;
  /** Behind which the next page begins; `null` for the last page. */
  readonly next: ContactPosition | null;
};

/** The page behind a position, or behind the first `skip` contacts; each page is of one of the two. */
export type PageRequest = {
  readonly skip?: number | null;
  readonly after?: ContactPosition | null;
  readonly limit: number;
};

export const maxContactsPerUser = 5000;
export const pageLimits = { defaultLimit: 20, maxLimit: 100, maxSkip: 1_000_000 };
export const searchLimits = { minCodePoints: 1, maxCodePoints: 100 };

/** Whether a page is what was asked for, of the list or of a search alike. */
export const answers = (page: ContactPage, { skip = null, after = null, limit }: PageRequest): boolean =>
  page.limit === limit &&
  page.skip === skip &&
  page.after?.id === after?.id &&
  page.after?.createdAtMs === after?.createdAtMs;

type ContactFields = Pick<
  Contact,
  'firstName' | 'lastName' | 'organization' | 'email' | 'phone' | 'birthday' | 'notes'
>;
export type ContactDraft = ContactFields;
export type ContactPatch = { readonly [Field in keyof ContactFields]?: ContactFields[Field] | undefined };

/** A contact before it is parsed; a field that is left out is `null`. One of the names has to be there. */
export type ContactInput = {
  readonly [Field in keyof ContactFields]?: Unparsed<ContactFields[Field]> | undefined;
};
/** A change before it is parsed; a field that is left out stays as it is, `null` clears one. */
export type ContactPatchInput = ContactInput;

/** A date in the form of vCard 4, `19930102` or `--0414` (RFC 6350, section 4.3.1), in ours. */
const withHyphens = (date: string): string => date.replace(/^(?:(\d{4})|-(-))(\d{2})(\d{2})$/, '$1$2-$3-$4');

const parseBirthday = (input: unknown): Parsed<string> => {
  if (typeof input !== 'string') return invalid('invalid-type', 'a string is expected');
  const expected = invalid(
    'invalid-format',
    'a date as YYYY-MM-DD, from 0001 on, or as --MM-DD without its year, is expected',
  );
  const text = withHyphens(input);
  if (!/^(?:\d{4}|-)-\d{2}-\d{2}$/.test(text) || text.startsWith('0000')) return expected;
  // Without a year 29 February may be meant.
  const day = text.replace(/^--/, '2000-');
  const date = new Date(`${day}T00:00:00.000Z`);
  // Date rolls 30 February over to March; the round trip does not.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day) ? ok(text) : expected;
};

const parseFields = (input: ContactPatchInput) =>
  ({
    firstName: optional(input.firstName, (name) => nullable(name, parseName)),
    lastName: optional(input.lastName, (name) => nullable(name, parseName)),
    organization: optional(input.organization, (name) => nullable(name, parseName)),
    email: optional(input.email, (email) => nullable(email, parseContactEmail)),
    phone: optional(input.phone, (phone) => nullable(phone, parsePhone)),
    birthday: optional(input.birthday, (birthday) => nullable(birthday, parseBirthday)),
    notes: optional(input.notes, (notes) => nullable(notes, parseLongText)),
  }) satisfies Record<keyof ContactFields, unknown>;

export const parseContactDraft = (input: ContactInput): Result<ContactDraft, readonly Issue[]> => {
  const fields = collect(parseFields(input));
  // What is wrong with the fields that are there is told together with it.
  const issues = [...(hasName(input) ? [] : [nameExpected]), ...(fields.ok ? [] : fields.error)];
  if (!fields.ok || issues.length > 0) return fail(issues);
  const nothing = { firstName: null, lastName: null, organization: null };
  return ok({
    ...nothing,
    email: null,
    phone: null,
    birthday: null,
    notes: null,
    ...definedOnly(fields.value),
  });
};

const nameExpected: Issue = {
  path: ['firstName'],
  code: 'required',
  detail: 'a first name, a last name or an organization is expected',
};

const hasName = ({
  firstName,
  lastName,
  organization,
}: Pick<ContactInput, 'firstName' | 'lastName' | 'organization'>) =>
  [firstName, lastName, organization].some((name) => name !== undefined && name !== null);

/** What is wrong with a change that would leave a contact without any name. Who changes something else is let alone. */
export const issuesOfPatch = (changed: Contact, patch: ContactPatch): readonly Issue[] =>
  hasName(changed) || !('firstName' in patch || 'lastName' in patch || 'organization' in patch)
    ? []
    : [nameExpected];

export const parseContactPatch = (input: ContactPatchInput): Result<ContactPatch, readonly Issue[]> => {
  const patch = collect(parseFields(input));
  if (patch.ok && Object.keys(patch.value).length === 0) {
    return fail([{ path: [], code: 'empty', detail: 'at least one field to change is expected' }]);
  }
  return patch;
};

/** A page before it is parsed: where it starts and how long it is, in contacts. `skip` and `cursor` exclude each other. */
export type PageInput = {
  readonly skip?: number | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
};

/** `list` is what the cursor has to be of (cursor.ts). */
export const parsePageRequest = (
  { skip, limit, cursor }: PageInput,
  list: string,
): Result<PageRequest, readonly Issue[]> => {
  const length = parseCount(limit ?? pageLimits.defaultLimit, 1, pageLimits.maxLimit);
  if (cursor === undefined) {
    return collect({ skip: parseCount(skip ?? 0, 0, pageLimits.maxSkip), limit: length });
  }
  const isEither: Parsed<number> | undefined =
    skip === undefined ? undefined : invalid('out-of-range', 'either skip or a cursor is expected');
  const request = collect({ skip: isEither, cursor: parseCursor(cursor, list), limit: length });
  return request.ok ? ok({ skip: null, after: request.value.cursor, limit: request.value.limit }) : request;
};

const parseCount = (input: unknown, min: number, max: number): Parsed<number> =>
  typeof input === 'number' && Number.isInteger(input) && input >= min && input <= max
    ? ok(input)
    : invalid('out-of-range', `a whole number from ${min} to ${max} is expected`);

/**
 * What somebody looks for: words as a search compares them (folding.ts), in any order, and the whole as digits if it looks
 * like a number. Without words, as for an accent alone, nothing is found by them.
 */
export type ContactSearch = { readonly words: readonly string[]; readonly digits: string | undefined };

export const parseSearch = (input: unknown): Parsed<ContactSearch> => {
  const line = parseLine(input, searchLimits);
  if (!line.ok) return line;
  const words = new Set(foldText(line.value).split(' '));
  words.delete('');
  return ok({ words: [...words], digits: searchedDigits(line.value) });
};

/** What a search looks into: names and email, and in a line of its own the phone. */
export const searchedText = ({
  firstName,
  lastName,
  organization,
  email,
  phone,
}: Pick<Contact, 'firstName' | 'lastName' | 'organization' | 'email' | 'phone'>): string => {
  const others = [firstName, lastName, organization, email].filter((text) => text !== null).join(' ');
  return `${foldText(others)}\n${foldText(phone ?? '')}`;
};

/** Whether each word is somewhere in the text, or the digits in its phone. */
export const isFound = (text: string, { words, digits }: ContactSearch): boolean =>
  (words.length > 0 && words.every((word) => text.includes(word))) ||
  (digits !== undefined && text.slice(text.indexOf('\n') + 1).includes(digits));

/** As they stand in a stored number, so without the zeros that are dialled at home or abroad. Fewer could be of anything. */
const searchedDigits = (text: string): string | undefined => {
  const digits = phoneText(text)?.replace(/^0+/, '');
  return digits !== undefined && /^\+?[0-9]{3,15}$/.test(digits) ? digits : undefined;
};

export const newContact = (id: ContactId, ownerId: UserId, draft: ContactDraft, nowMs: number): Contact => ({
  id,
  ownerId,
  ...draft,
  createdAtMs: nowMs,
  updatedAtMs: nowMs,
  version: 1,
});

export const applyContactPatch = (contact: Contact, patch: ContactPatch, nowMs: number): Contact => ({
  ...contact,
  ...definedOnly(patch),
  updatedAtMs: Math.max(nowMs, contact.updatedAtMs),
  version: nextVersion(contact.version),
});
