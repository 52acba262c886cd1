/**
 * What a field of the domain is called outside, on the wire and in the database: `avatarUrl` is `avatar_url`, and
 * `createdAtMs`, which is written there as a time, is `created_at`.
 */
export type OuterName<Field> = Field extends `${infer Event}AtMs`
  ? `${SnakeCase<Event>}_at`
  : Field extends string
    ? SnakeCase<Field>
    : never;

type SnakeCase<Text extends string> = Text extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : '';
