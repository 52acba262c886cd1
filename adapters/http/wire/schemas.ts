import { z } from 'zod';
import type { LookUpInput, RegisterInput } from '../../../application/application.ts';
import { type ContactInput, pageLimits, searchLimits } from '../../../domain/contact.ts';
import { emailLimits, usernameLimits } from '../../../domain/identifiers.ts';
import { passwordLimits } from '../../../domain/password.ts';
import type { TextLimits } from '../../../domain/text.ts';
import {
  longTextLimits,
  maxSkills,
  nameLimits,
  roles,
  skillLimits,
  type UserPatchInput,
  urlLimits,
} from '../../../domain/user.ts';
import type { Every, Wire } from './names.ts';

// Otherwise zod compiles each schema with `new Function`, which the security policy of a host may forbid.
z.config({ jitless: true });

// What requests look like. The schemas check shape, types and unknown fields; what a value means is parsed in the
// domain. So the limits, which are those of the domain, are only metadata here: for the documentation.

/** A schema for each field: one that may be left out of a request must not be left out here. */
export type Fields<T> = { readonly [Name in keyof Every<T>]: z.ZodType<Every<T>[Name]> };

type Metadata = Readonly<Record<string, unknown>>;

const text = ({ minCodePoints, maxCodePoints }: TextLimits, more: Metadata = {}) =>
  z.string().meta({ minLength: minCodePoints, maxLength: maxCodePoints, ...more });

const email = text(emailLimits, { format: 'email' });
const username = text(usernameLimits, { examples: ['ada.lovelace'] });
const phone = z.string().meta({
  description: 'E.164; spaces, dashes, dots and parentheses are stripped',
  examples: ['+4915112345678'],
});
const name = text(nameLimits);
const longText = text(longTextLimits);
const { floorMinCodePoints, defaultMinCodePoints, maxCodePoints } = passwordLimits;
const newPassword = text(
  { minCodePoints: floorMinCodePoints, maxCodePoints },
  {
    format: 'password',
    description: `at least ${defaultMinCodePoints} characters unless configured otherwise`,
  },
);
const presentedPassword = z.string().meta({ format: 'password' });
const passwordForIdentity = z
  .string()
  .meta({ format: 'password', description: 'needed to change email or phone' });

export const registerBody: z.ZodType<RegisterInput> = z.strictObject({
  email,
  username,
  password: newPassword,
  phone: phone.nullable().optional(),
  name: name.nullable().optional(),
} satisfies Fields<Omit<RegisterInput, 'origin'>>);

export const logInBody: z.ZodType<{ identifier: string; password: string }> = z.strictObject({
  identifier: z.string().meta({ description: 'email, username or phone' }),
  password: presentedPassword,
});

export type ChangeProfileBody = Wire<UserPatchInput> & { readonly current_password?: string | undefined };
export const changeProfileBody: z.ZodType<ChangeProfileBody> = z.strictObject({
  username: username.optional(),
  name: name.nullable().optional(),
  bio: longText.nullable().optional(),
  occupation: name.nullable().optional(),
  location: name.nullable().optional(),
  avatar_url: text(urlLimits, { format: 'uri' }).nullable().optional(),
  skills: z.array(text(skillLimits)).meta({ maxItems: maxSkills }).optional(),
  experience: longText.nullable().optional(),
  email: email.optional(),
  phone: phone.nullable().optional(),
  current_password: passwordForIdentity.optional(),
} satisfies Fields<ChangeProfileBody>);

export const changePasswordBody: z.ZodType<{ current_password: string; new_password: string }> =
  z.strictObject({
    current_password: presentedPassword,
    new_password: newPassword,
  });

export const deactivateSelfBody: z.ZodType<{ password: string }> = z.strictObject({
  password: presentedPassword,
});

export const birthdayForm: Metadata = {
  description: '`YYYY-MM-DD`, or `--MM-DD` without the year (RFC 6350)',
  examples: ['1815-12-10', '--12-10'],
  pattern: '^(\\d{4}|-)-\\d{2}-\\d{2}$',
};

/** As it may be sent. */
const typedBirthday: Metadata = {
  ...birthdayForm,
  description: `${birthdayForm['description']}; also without the hyphens in it, as in vCard: \`YYYYMMDD\`, \`--MMDD\``,
  pattern: '^(\\d{4}|-)-\\d{2}-\\d{2}$|^(\\d{4}|--)\\d{4}$',
};

const contactEmail = text(emailLimits, {
  format: 'idn-email',
  description:
    'ASCII before the @; the domain may be in any script, and its ASCII form counts for the length',
});

export type ContactBody = Wire<ContactInput>;

/** For a new contact and for a change. That one of the names has to be there is a rule of the domain. */
export const contactBody: z.ZodType<ContactBody> = z.strictObject({
  first_name: name.nullable().optional(),
  last_name: name.nullable().optional(),
  organization: name.nullable().optional(),
  email: contactEmail.nullable().optional(),
  phone: phone.nullable().optional(),
  birthday: z.string().meta(typedBirthday).nullable().optional(),
  notes: longText.nullable().optional(),
} satisfies Fields<ContactBody>);

const keys = z.array(z.string()).meta({ description: 'at most 500 in all four lists together' }).optional();
export const lookUpBody: z.ZodType<LookUpInput> = z.strictObject({
  ids: keys,
  emails: keys,
  usernames: keys,
  phones: keys,
} satisfies Fields<LookUpInput>);

export const setRoleBody: z.ZodType<{ role: string }> = z.strictObject({
  role: z.string().meta({ enum: [...roles] }),
});

/** Decimal digits only: `Number` would take `1e2`, `0x10` and a blank too. */
const decimal = (limits: Metadata) =>
  z
    .string()
    .regex(/^\d{1,9}$/, { error: 'decimal digits are expected' })
    .transform(Number)
    .pipe(z.int().meta(limits))
    .optional();

export type ContactsQuery = {
  skip?: number | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  q?: string | undefined;
};
export const contactsQuery: z.ZodType<ContactsQuery> = z.strictObject({
  skip: decimal({ minimum: 0, maximum: pageLimits.maxSkip, default: 0 }),
  limit: decimal({ minimum: 1, maximum: pageLimits.maxLimit, default: pageLimits.defaultLimit }),
  cursor: z
    .string()
    .meta({ description: 'next_cursor of the page before, with the same q; opaque; not together with skip' })
    .optional(),
  q: z
    .string()
    .min(1, { error: 'at least 1 character is expected' })
    .meta({
      maxLength: searchLimits.maxCodePoints,
      description: 'words in names, email and phone, in any order; without regard to case and accents',
    })
    .optional(),
});

export type LiveStateQuery = { after_sample?: number | undefined; after_event?: number | undefined };
export const liveStateQuery: z.ZodType<LiveStateQuery> = z.strictObject({
  after_sample: decimal({ minimum: 0 }),
  after_event: decimal({ minimum: 0 }),
});

export const noQuery: z.ZodType<object> = z.strictObject({});
