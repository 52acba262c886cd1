import type { Brand } from '../../../domain/identifiers.ts';
import type { OuterName } from '../../system/names.ts';

/**
 * The fields of a domain type as they are on the wire: `avatarUrl` is `avatar_url`, the milliseconds of `createdAtMs` are
 * the time `created_at`, and a branded text is a text. What a representation leaves out it omits by name, so a field that
 * is new in the domain does not compile before it is on the wire or named as left out.
 */
export type Wire<T> = { [Name in keyof T as OuterName<Name>]: WireValue<Name, T[Name]> };

type WireValue<Name, Value> = Name extends `${string}AtMs`
  ? string
  : Value extends Brand<string, string>
    ? string
    : Value;

/**
 * All the fields of a type, those that may be left out too: for what has to handle each of them. (With `-?` a compiler
 * without `exactOptionalPropertyTypes`, as Deno is in a project of its user's, takes `undefined` from their values too.)
 */
export type Every<T> = { [Name in keyof Required<T>]: T[Name] };

/** Every value of a closed union, under itself. For a schema: one that is left out does not compile. */
export type All<Value extends string> = { readonly [V in Value]: V };
