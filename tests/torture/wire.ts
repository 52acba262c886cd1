/** What the run needs of the API's answers, parsed; it throws when an answer is not of the contract. */

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => {
  if (typeof value !== 'object' || value === null) throw new TypeError('an object was expected in an answer');
  return Object.fromEntries(Object.entries(value));
};
const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new TypeError('a text was expected in an answer');
  return value;
};
const textOrNull = (value: unknown): string | null => (value === null ? null : text(value));
const number = (value: unknown): number => {
  if (typeof value !== 'number') throw new TypeError('a number was expected in an answer');
  return value;
};
const list = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw new TypeError('a list was expected in an answer');
  return value;
};

export type SeenProfile = {
  readonly id: string;
  readonly username: string;
  readonly version: number;
  readonly marker: string | null;
};
export type SeenUser = SeenProfile & { readonly email: string; readonly phone: string | null };
export type SeenContact = { readonly id: string; readonly version: number; readonly marker: string };
export type SeenPage = { readonly total: number; readonly items: readonly SeenContact[] };

export const parseProfile = (body: unknown): SeenProfile => {
  const { id, username, version, bio } = fieldsOf(body);
  return { id: text(id), username: text(username), version: number(version), marker: textOrNull(bio) };
};

export const parseUser = (body: unknown): SeenUser => {
  const { email, phone } = fieldsOf(body);
  return { ...parseProfile(body), email: text(email), phone: textOrNull(phone) };
};

/** The version of the user's tokens is in the token (RFC 9068 with the claim `tv`). */
export const parseSession = (
  body: unknown,
): { readonly user: SeenUser; readonly token: string; readonly tokenVersion: number } => {
  const { user, access_token } = fieldsOf(body);
  const token = text(access_token);
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const claims = fieldsOf(JSON.parse(payload));
  return { user: parseUser(user), token, tokenVersion: number(claims['tv']) };
};

export const parseContact = (body: unknown): SeenContact => {
  const { id, version, first_name } = fieldsOf(body);
  return { id: text(id), version: number(version), marker: text(first_name) };
};

export const parsePage = (body: unknown): SeenPage => {
  const { total, items } = fieldsOf(body);
  return { total: number(total), items: list(items).map(parseContact) };
};

export const parseLookUp = (
  body: unknown,
): {
  readonly users: readonly SeenUser[];
  readonly missing: readonly { readonly kind: string; readonly value: string }[];
} => {
  const { users, missing } = fieldsOf(body);
  return {
    users: list(users).map(parseUser),
    missing: list(missing)
      .map(fieldsOf)
      .map(({ kind, value }) => ({ kind: text(kind), value: text(value) })),
  };
};

export const parseTiers = (
  body: unknown,
): readonly {
  readonly record: string;
  readonly tier: string;
  readonly state: string;
  readonly version: number | null;
}[] =>
  list(fieldsOf(body)['entries'])
    .map(fieldsOf)
    .map(({ record, tier, state, version }) => ({
      record: text(record),
      tier: text(tier),
      state: text(state),
      version: version === null ? null : number(version),
    }));

export const parseCacheStatus = (body: unknown): string => text(fieldsOf(body)['status']);
