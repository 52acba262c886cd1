/** Inputs are what a person types, field by field. Checked by tsc: an error that is expected and does not come is an error. */
import type { ContactInput, ContactPatchInput } from '../../domain/contact.ts';
import type { UserPatchInput } from '../../domain/user.ts';

export const typed: UserPatchInput = { email: 'a@b', username: 'a', skills: ['x'], phone: '+1', bio: 'b' };
export const cleared: UserPatchInput = { phone: null, bio: null, name: undefined };
// @ts-expect-error an email cannot be cleared
export const withoutEmail: UserPatchInput = { email: null };
// @ts-expect-error nor can a username
export const withoutUsername: UserPatchInput = { username: null };
// @ts-expect-error nobody changes their own role
export const promoted: UserPatchInput = { role: 'admin' };

export const contact: ContactInput = { firstName: 'a', phone: null, birthday: '2000-01-01' };
export const change: ContactPatchInput = { firstName: null, organization: 'b' };
// @ts-expect-error nobody chooses the owner
export const foreign: ContactInput = { firstName: 'a', ownerId: 'b' };
