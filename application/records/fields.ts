/** What the codecs share: how unknown JSON is looked at, field by field. */

/** JSON that may be a T: each field is still to be looked at. */
export type Raw<T> = { readonly [K in keyof T]?: unknown };

export const rawFrom = <T>(text: string): Raw<T> | undefined => {
  try {
    return asRaw<T>(JSON.parse(text));
  } catch {
    return undefined;
  }
};

export const asRaw = <T>(json: unknown): Raw<T> | undefined =>
  typeof json === 'object' && json !== null ? (json as Raw<T>) : undefined;

/** An object with a value for each field of T: one that is forgotten, or one too many, does not compile. */
export type Fields<T> = Readonly<Record<keyof T, unknown>>;

export const isText = (field: unknown): field is string => typeof field === 'string';
export const isTextOrNull = (field: unknown): field is string | null =>
  field === null || typeof field === 'string';
export const isFlag = (field: unknown): field is boolean => typeof field === 'boolean';
export const isTime = (field: unknown): field is number => Number.isSafeInteger(field);
export const isCount = (field: unknown): field is number => isTime(field) && field >= 0;
export const isTexts = (field: unknown): field is readonly string[] =>
  Array.isArray(field) && field.every(isText);
