import { Buffer } from 'node:buffer';
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StartRefused } from '../adapters/system/messages.ts';
import { Secret } from '../domain/secret.ts';
import { isStrongSecret } from './signing-secret.ts';

const fileName = 'development-jwt-secret';
const secretBytes = 32;

/** A random secret, for a process for which none is configured. */
export const randomSecret = (): Secret<'signing-secret'> =>
  new Secret(Buffer.from(crypto.getRandomValues(new Uint8Array(secretBytes))).toString('base64url'));

/**
 * The signing secret of a directory, made at the first call and kept, so that a restart signs nobody out. Readable by
 * its owner alone (mode 0600). Of several processes that start at once one makes it and all get the same.
 */
export const developmentSecret = async (directory: string): Promise<Secret<'signing-secret'>> => {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, fileName);
  return (await readSecret(path)) ?? (await makeSecret(path)) ?? (await readSecret(path)) ?? missing(path);
};

const readSecret = async (path: string): Promise<Secret<'signing-secret'> | undefined> => {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    if (!isStrongSecret(text)) throw new StartRefused(messageOf('secret-file-unusable', { path }));
    await chmod(path, 0o600);
    return new Secret(text);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};

/** `undefined` if somebody else was first. */
const makeSecret = async (path: string): Promise<Secret<'signing-secret'> | undefined> => {
  const secret = randomSecret();
  // Written completely under another name, and then linked to its own. The link appears in one step, and fails if another
  // process has made it first; so nobody reads half a secret, and nobody replaces one that is in use.
  const draft = `${path}.${crypto.randomUUID()}`;
  await writeFile(draft, `${Secret.reveal(secret)}\n`, { flag: 'wx', mode: 0o600, flush: true });
  try {
    await link(draft, path);
    return secret;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return undefined;
    throw error;
  } finally {
    await unlink(draft);
  }
};

const missing = (path: string): never => {
  throw new StartRefused(messageOf('secret-file-unusable', { path }));
};

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
