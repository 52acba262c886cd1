/** What must not compile about tables. Checked by tsc: an error that is expected and does not come is an error. */
import type { PropertiesOf, RowOf, SelectedOf } from '../../../adapters/mikro-orm/table.ts';
import { accountRow } from '../../../adapters/mikro-orm/tables/users.ts';
import type { Account, User } from '../../../domain/user.ts';

type Stored = { readonly avatarUrl: string; readonly createdAtMs: number };

/** A field has a property, an expression by which it is selected, and a value in the row. */
export const properties: PropertiesOf<Stored> = { avatarUrl: 'text', createdAt: 'datetime' };
export const selected: SelectedOf<Stored> = { avatar_url: 'avatar_url', created_at: 'created_at' };
export const row: RowOf<Stored> = { avatar_url: 'https://example.com', created_at: '2026-01-01T00:00:00Z' };
// @ts-expect-error a field has no property
export const fewerProperties: PropertiesOf<Stored> = { avatarUrl: 'text' };
// @ts-expect-error a field is not selected
export const fewerSelected: SelectedOf<Stored> = { avatar_url: 'avatar_url' };
// @ts-expect-error a field is not written
export const fewerWritten: RowOf<Stored> = { created_at: '2026-01-01T00:00:00Z' };
// @ts-expect-error the name is that of the domain
export const unnamed: RowOf<Stored> = { avatarUrl: 'https://example.com', created_at: '' };

/** A field that is new in the domain is written by nobody yet. */
declare const account: Account;
// @ts-expect-error it is not in the row
export const grown: RowOf<User & { readonly pronouns: string | null }> = accountRow(account);
