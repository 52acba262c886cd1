import { readFileSync } from 'node:fs';
import { ok } from '../../domain/result.ts';
import { invalid, type Parsed } from '../../domain/text.ts';

/** The path of a file of certificates, as what is in it now. */
export const parseCaFile = (input: unknown): Parsed<string> => {
  const pem = typeof input === 'string' ? readOrNothing(input) : undefined;
  return pem?.includes('-----BEGIN CERTIFICATE-----') === true
    ? ok(pem)
    : invalid('invalid-format', 'the path of a file that can be read, with certificates in PEM');
};

const readOrNothing = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};
