import type { EntitySchema } from '@mikro-orm/core';
import type { OuterName } from '../system/names.ts';
import type { Columns } from './statements.ts';

/** A table: how MikroORM knows it, and what the role that serves may do with it, and no more. */
export type Table = { readonly entity: EntitySchema; readonly rights: readonly string[] };

// What a table says of each field of a T. A field that is new in the domain does not compile before it is in all three.

/** How MikroORM knows it: the time `createdAtMs` is the property `createdAt`. */
export type PropertiesOf<T> = { readonly [Field in keyof T as PropertyName<Field>]: unknown };
type PropertyName<Field> = Field extends `${infer Name}Ms` ? Name : Field;

/** By what expression its column is selected. */
export type SelectedOf<T> = { readonly [Field in keyof T as OuterName<Field>]: string };

/** What is written into its column. */
export type RowOf<T> = { readonly [Field in keyof T as OuterName<Field>]: Columns[string] };

export const selectList = (selected: SelectedOf<object>): string => Object.values(selected).join(', ');
