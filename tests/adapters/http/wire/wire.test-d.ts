/** What must not compile about the wire. Checked by tsc: an error that is expected and does not come is an error. */
import { z } from 'zod';
import type { All, Every, Wire } from '../../../../adapters/http/wire/names.ts';
import type { WireUser } from '../../../../adapters/http/wire/representations.ts';
import type { Fields } from '../../../../adapters/http/wire/schemas.ts';
import { userToWire } from '../../../../adapters/http/wire/wire.ts';
import type { Email } from '../../../../domain/identifiers.ts';
import type { User, UserPatchInput } from '../../../../domain/user.ts';

/** Names are in snake_case, times are texts, and brands stay inside. */
type Named = Wire<{ avatarUrl: Email | null; createdAtMs: number; role: 'user' | 'admin'; version: number }>;
export const named: Named = { avatar_url: 'x', created_at: 'x', role: 'user', version: 1 };
// @ts-expect-error a field is missing
export const missing: Named = { created_at: 'x', role: 'user', version: 1 };
// @ts-expect-error the name is that of the domain
export const unnamed: Named = { avatarUrl: 'x', created_at: 'x', role: 'user', version: 1 };

/** A field that is new in the domain has to be put on the wire, or named as one that is left out. */
type GrownUser = User & { readonly pronouns: string | null };
declare const grown: GrownUser;
declare const change: Every<UserPatchInput>;
// @ts-expect-error it is not on the wire
export const onTheWire: Wire<Omit<GrownUser, 'tokenVersion'>> = userToWire(grown);
export const leftOut: Wire<Omit<GrownUser, 'tokenVersion' | 'pronouns'>> = userToWire(grown);
// @ts-expect-error the version of the tokens is left out
export const secret: keyof WireUser = 'token_version';

/** A field that may be left out of a request must not be left out of its schema, nor on the way to the use case. */
type Change = { readonly name?: string | undefined; readonly pronouns?: string | null | undefined };
export const whole: Fields<Change> = {
  name: z.string().optional(),
  pronouns: z.string().nullable().optional(),
};
// @ts-expect-error the schema has one field fewer
export const fewer: Fields<Change> = { name: z.string().optional() };
// @ts-expect-error the field does not reach the use case
export const forgotten: Every<UserPatchInput & Change> = change;

/** A schema of a closed union has each of its values. */
export const roles: All<User['role']> = { user: 'user', admin: 'admin' };
// @ts-expect-error one value is missing
export const fewerRoles: All<User['role']> = { user: 'user' };
