/** What is wrong with one field of an input. It never repeats the value. */
export type Issue = {
  /** Names and indexes from the root of the input to the field; TypeScript names. */
  readonly path: readonly (string | number)[];
  readonly code: IssueCode;
  /** One sentence for a person, naming what was expected. */
  readonly detail: string;
};

export type IssueCode =
  | 'required'
  | 'invalid-type'
  | 'unknown-field'
  | 'too-short'
  | 'too-long'
  | 'too-many'
  | 'out-of-range'
  | 'invalid-format'
  | 'not-well-formed'
  | 'forbidden-character'
  | 'reserved'
  | 'too-guessable'
  | 'repeated'
  | 'empty';
